import { parseBy } from "../format/artefact.ts";
import type { Dataset } from "../format/dataset.ts";
import { inputError } from "../format/error.ts";
import { Preprocess } from "../format/preprocess.ts";
import { z } from "../format/schema.ts";
import type { SampleSelection } from "../format/select_samples.ts";
import { type Graph, valueOf } from "../ir/graph.ts";

const Frame = z.strictObject({
  method: z.string().min(1).describe("what --method came to"),
  input: z.strictObject({ name: z.string(), shape: z.array(z.int().nonnegative()) }).describe(
    "the input of the network, for one sample",
  ),
  limit: z.int().positive().optional().describe("most samples that were asked for"),
  seed: z.int().nonnegative().optional().describe("what chose them, where they are not the first ones"),
  samples: z.int().positive().describe("how many samples all shards run together"),
  preprocess: Preprocess.optional().describe("how samples become the input; left out where they are taken as they are"),
});

/** What all parts of one calibration share: what it takes, beside model and data, to finish it. */
export type CalibrationFrame = z.infer<typeof Frame>;

const PartRecord = z.strictObject({ samples: z.int().nonnegative().describe("how many samples this shard has run") });

/** What a part tells of itself; the observations are in the file beside it. */
export type CalibrationRecord = z.infer<typeof PartRecord>;

/** The frame of the parts of a calibration of `dataset`, the samples of all shards. */
export function calibrationFrame(
  graph: Graph,
  dataset: Dataset,
  method: string,
  selection: SampleSelection,
): CalibrationFrame {
  const [name] = graph.inputs;
  const isAsGiven = dataset.kind === "float" && dataset.isPreprocessAssumed;
  return {
    method,
    input: { name, shape: [...valueOf(graph, name).shape] },
    ...selection,
    samples: dataset.count,
    ...(!isAsGiven && { preprocess: dataset.preprocess }),
  };
}

/** @throws DyadError (input) for JSON that is not the frame of a calibration. */
export function readCalibrationFrame(frame: unknown): CalibrationFrame {
  return parseBy(Frame, frame, "not the frame of a part of a dyad/calibration");
}

/**
 * Checks what a part tells of itself against the samples that its shard is to run.
 * @throws DyadError (input) where they do not agree.
 */
export function checkCalibrationRecords(records: readonly unknown[], indices: readonly number[]): void {
  const [{ samples }] = parseBy(z.tuple([PartRecord]), records, "not the records of a part of a dyad/calibration");
  if (samples !== indices.length) {
    throw inputError(`found ${samples} samples, expected ${indices.length}; make the part again`);
  }
}
