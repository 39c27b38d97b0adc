import { type Dataset, hasExpectation } from "../format/dataset.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { collectRecords, type Stage } from "./collect.ts";
import { checkLabelsFit, makeFrame } from "./make_frame.ts";
import { unitProgress } from "./progress.ts";
import type { SensitivityRecord } from "./record.ts";
import type { RoundsRule } from "./rounds.ts";
import { samplesOfChunk } from "./samples.ts";
import { prepareStudy, type SensitivityRequest } from "./study.ts";
import { assembleTable } from "./table.ts";
import { unitComputer } from "./unit.ts";

const DEFAULT_PROBES = 8;

export interface MeasureRequest extends Omit<SensitivityRequest, "dataName" | "hasLabels"> {
  readonly dataset: Dataset;
  /** Indices of the samples to run, in order. All of them if left out. */
  readonly samples?: readonly number[];
  /** Rounds of random probes for the metrics that need them. Default 8. */
  readonly probes?: number;
}

export interface MeasureOptions {
  /** Decides about rounds of random probes in place of `probes`. */
  readonly rule?: RoundsRule;
  /** Records of an interrupted run of an equal request: they are not made again. */
  readonly finished?: readonly SensitivityRecord[];
  onRecord?(record: SensitivityRecord): void;
  /** Told how many of the samples are done, parts of them by the work they are, in each stage of the work. */
  onProgress?(done: number, total: number): void;
}

/**
 * Measures the sensitivity of every layer at every candidate, here and now: one unit of work after the other.
 * @throws DyadError as `prepareStudy`, and (input) for labels that the network cannot give and sums that are not finite.
 */
export async function measureSensitivity(request: MeasureRequest, options: MeasureOptions = {}): Promise<Sensitivity> {
  const { dataset, samples: indices = Array.from({ length: dataset.count }, (_, i) => i), ...rest } = request;
  const { rule, finished, onRecord, onProgress } = options;
  const probes = rule === undefined ? request.probes ?? DEFAULT_PROBES : undefined;
  const study = prepareStudy({ ...rest, dataName: dataset.name, hasLabels: hasExpectation(dataset) });
  checkLabelsFit(study, dataset);
  const frame = makeFrame(study, { samples: indices.length, probes });
  const compute = unitComputer(study);

  function measure(stage: Stage): Promise<SensitivityRecord[]> {
    const progress = unitProgress(frame, stage, onProgress);
    return Promise.resolve(stage.missing.map((unit) => {
      const steps = compute({ unit, samples: samplesOfChunk(dataset, indices, unit.chunk) });
      let step = steps.next();
      for (; !step.done; step = steps.next()) progress(unit, step.value);
      progress(unit, 1);
      onRecord?.(step.value);
      return step.value;
    }));
  }

  const { records, ending } = await collectRecords(frame, { finished, rule, measure });
  return assembleTable(frame, records, ending);
}
