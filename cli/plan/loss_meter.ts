import { compileFloat } from "../../lib/float/engine.ts";
import { type Calibration, CalibrationCodec, WEIGHT_CHOICES } from "../../lib/format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { inputError, usageError } from "../../lib/format/error.ts";
import { INTEGER_WIDTHS, isIntegerWidth } from "../../lib/format/integer_width.ts";
import type { LossName, MeasuredLoss } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { z } from "../../lib/format/schema.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import { logitsOf } from "../../lib/ops/logits.ts";
import type { QuantizeOptions } from "../../lib/quantize/quantize.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import { resolveBackend } from "../backend.ts";
import { inputsOf, loadArtefact, type Loaded, modelOf, requireSameModel } from "../artefacts.ts";
import { openData } from "../data.ts";
import { evaluateJob, type Evaluation, type SampleList } from "../jobs/evaluate.ts";
import { dataRequestOf, type LoadedModel, loadModel } from "../model.ts";
import { runJobs } from "../workers.ts";
import type { PlanFlags } from "./flags.ts";
import type { Header, PlanRequest } from "./mode.ts";

/** Measures what plans lose, their integer networks run on the samples that flags name. */
export interface LossMeter {
  /** The measured loss that counts. */
  readonly loss: LossName;
  readonly samples: number;
  /** `header`, with what was measured with among its inputs. */
  recordedIn(header: Header): Header;
  /** In the order of `plans`. @throws DyadError (input) for plans that cannot be quantized. */
  measure(plans: readonly Plan[]): Promise<MeasuredLoss[]>;
  /** The same, with what each sample contributes. */
  evaluate(plans: readonly Plan[]): Promise<Evaluation[]>;
}

/**
 * The meter for the flags of `request`; plans are quantized as the layers of the sensitivity table were, where it says how.
 * @throws DyadError (input) for files that cannot be used or do not belong together; (usage) for flags that are missing.
 */
export function openLossMeter({ flags, sensitivity, terminal }: PlanRequest): LossMeter {
  const model = loadModel(flags.model!, flags);
  const calibration = loadArtefact(CalibrationCodec, flags.calibration!);
  requireSameModel([{ name: model.name, model: model.sha256 }, modelOf(calibration), modelOf(sensitivity)]);
  const measuredWith = sensitivity.content.inputs.calibration?.sha256;
  if (measuredWith !== undefined && measuredWith !== calibration.sha256) {
    terminal.warn(`${sensitivity.name} was measured with another calibration than ${calibration.name}`);
  }
  const dataset = openModelData(flags, model, calibration, terminal);
  const { loss = "kl" } = flags;
  if (loss === "cross-entropy" && dataset.labels === undefined) {
    throw usageError("--loss cross-entropy needs the class of each sample; give --labels");
  }
  const options = quantizationOf(sensitivity, calibration.content);
  let floatLogits: Float32Array[] | undefined;
  let backend: Backend | undefined;
  const where = `${sensitivity.name}, ${model.name} and ${calibration.name}`;
  const meter: LossMeter = {
    loss,
    samples: dataset.count,
    recordedIn: ({ inputs, options }) => ({
      inputs: {
        ...inputsOf({ model: model.sha256 }),
        ...inputs,
        ...inputsOf({ calibration: calibration.sha256, data: dataset.sha256, labels: dataset.labelsSha256 }),
      },
      options,
    }),
    async measure(plans) {
      return (await meter.evaluate(plans)).map(({ measured }) => measured);
    },
    async evaluate(plans) {
      for (const plan of plans) checkWidths(plan, sensitivity.name);
      const chosen = backend ??= resolveBackend("auto", terminal);
      floatLogits ??= await terminal.withProgress(
        "running the float network",
        (onProgress) => floatLogitsOf(model, dataset, onProgress),
      );
      const setup = { graph: model.graph, calibration: calibration.content, options, where, floatLogits };
      const { threads = navigator.hardwareConcurrency } = flags;
      const different = Map.groupBy(plans, ({ layers }) => layers.map(candidateName).join());
      const tasks = Array.from(different.values(), ([{ layers }]) => ({ layers }));
      const measured = await terminal.withProgress("measuring plans", (onProgress) => {
        const done = new Array<number>(tasks.length).fill(0);
        const progress = (task: number, fraction: number): void => {
          done[task] = fraction;
          onProgress(Number(done.reduce((a, b) => a + b).toFixed(1)), tasks.length);
        };
        return runJobs(evaluateJob, { ...setup, data: listOf(dataset), backend: chosen }, tasks, {
          threads,
          note: terminal.note,
          onPart: progress,
          onResult: (_, task) => progress(task, 1),
        });
      });
      const found = new Map(
        Array.from(different.values(), (equal, i) => equal.map((plan) => [plan, measured[i]] as const)).flat(),
      );
      return plans.map((plan) => found.get(plan)!);
    },
  };
  return meter;
}

function openModelData(
  flags: PlanFlags,
  { graph }: LoadedModel,
  { name, content }: Loaded<Calibration>,
  terminal: PlanRequest["terminal"],
): Dataset {
  const dataset = openData({ ...flags, data: flags.data! }, {
    ...dataRequestOf(graph),
    recorded: { name, preprocess: content.preprocess },
  }, terminal);
  const { axis: { outer, inner } } = logitsOf(graph);
  if (dataset.labels !== undefined && outer * inner !== 1) {
    throw inputError(
      `${dataset.name}: has one label per image, but the network gives ${outer * inner} distributions per image; ` +
        `leave the labels out`,
    );
  }
  return dataset;
}

/** @throws DyadError (input) for bits that no integer network has. */
function checkWidths({ layers }: Plan, table: string): void {
  const misfit = layers.find((layer) => !isIntegerWidth(layer));
  if (misfit === undefined) return;
  throw inputError(
    `${table}: a plan gives the layer "${misfit.name}" ${candidateName(misfit)} bits, which cannot be run; expected ` +
      `${INTEGER_WIDTHS}; exclude the candidate`,
  );
}

/** What `sensitivity` records of how it quantized. */
const RecordedQuantization = z.object({
  method: z.string(),
  weightMethod: z.enum(WEIGHT_CHOICES),
  biasCorrection: z.boolean(),
  perChannel: z.boolean(),
  symmetric: z.boolean(),
  coding: z.object({ method: z.string(), groupColumns: z.int().positive().optional() }),
}).partial();

function quantizationOf(
  { name, content }: Loaded<Sensitivity>,
  calibration: Calibration,
): Omit<QuantizeOptions, "layers"> {
  const found = RecordedQuantization.safeParse(content.options);
  if (!found.success) {
    const [{ path, message }] = found.error.issues;
    throw inputError(`${name}: options.${path.join(".")}: ${message}; expected how the layers were quantized`);
  }
  const { method = calibration.method, ...options } = found.data;
  return { method, ...options };
}

function listOf(dataset: Dataset): SampleList {
  const { name, sampleShape, preprocess, labels, count } = dataset;
  const indices = Array.from({ length: count }, (_, i) => i);
  const common = { name, sampleShape, preprocess, labels };
  return dataset.kind === "pixels"
    ? { ...common, kind: dataset.kind, samples: indices.map((i) => dataset.sample(i)) }
    : { ...common, kind: dataset.kind, samples: indices.map((i) => dataset.sample(i)) };
}

function floatLogitsOf(
  { graph, name }: LoadedModel,
  dataset: Dataset,
  onProgress: (done: number, total: number) => void,
): Float32Array[] {
  const engine = compileFloat(logitsOf(graph).graph);
  return Array.from({ length: dataset.count }, (_, i) => {
    const logits = engine.run(sampleAsFloat(dataset, i)).slice();
    if (!logits.every(Number.isFinite)) {
      throw inputError(
        `${name}: its output for sample ${i} of ${dataset.name} holds NaN or infinity, expected finite numbers; check ` +
          `the model and the preprocessing of the data`,
      );
    }
    onProgress(i + 1, dataset.count);
    return logits;
  });
}
