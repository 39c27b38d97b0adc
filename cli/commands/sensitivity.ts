import { WEIGHT_CHOICES } from "../../lib/format/calibration.ts";
import { encodeArtefact } from "../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../lib/format/calibration.ts";
import { DyadError } from "../../lib/format/error.ts";
import { candidateName } from "../../lib/format/plan.ts";
import { type Sensitivity, SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { DEFAULT_CANDIDATES, parseCandidates } from "../../lib/sensitivity/candidates.ts";
import { measureSensitivity, type SensitivityEvent } from "../../lib/sensitivity/measure.ts";
import { DEFAULT_METRIC, METRICS } from "../../lib/sensitivity/metrics/mod.ts";
import { selectSamples } from "../../lib/sensitivity/select_samples.ts";
import { prepareStudy, type Study } from "../../lib/sensitivity/study.ts";
import { inputsOf, loadArtefact, modelOf, optionsOf, requireSameModel } from "../artefacts.ts";
import { defineCommand } from "../command.ts";
import { openData } from "../data.ts";
import { artefactTarget, STREAM } from "../files.ts";
import {
  defaultFlag,
  FILE,
  oneOf,
  optionalFlag,
  positional,
  POSITIVE_INTEGER,
  requiredFlag,
  SEED,
  switchFlag,
  TEXT,
} from "../flag.ts";
import { DATA_FLAGS, MODEL_FLAGS, OUTPUT_FLAG } from "../flags.ts";
import { Interrupted, Interruption } from "../interruption.ts";
import { JournalFile } from "../journal_file.ts";
import { loadModel, outputSizeOf, sampleShapeOf } from "../model.ts";
import type { OnProgress } from "../progress.ts";
import { type Block, facts, formatNumber, formatPercent, numeric, type Report, type Table } from "../report.ts";

const JOURNAL_SUFFIX = ".partial";

export const sensitivity = defineCommand({
  name: "sensitivity",
  summary: "Score every layer at every candidate: how much the network suffers from its bits",
  details: "One layer is quantized at a time, its weights and its input, each alone and both together. The metrics:\n" +
    METRICS.map(({ name, formula, needs }) => `  ${name}: ${formula}${needs === "labels" ? " Needs --labels." : ""}`)
      .join("\n") +
    `\n\nWith -o FILE every few samples are saved in FILE${JOURNAL_SUFFIX}: after an interruption the same command goes ` +
    "on from there, and the table is the same as without it.",
  positionals: { model: positional("ONNX model", FILE) },
  flags: {
    calibration: requiredFlag("--calibration <file>", "calibration of the model", FILE),
    ...DATA_FLAGS,
    limit: defaultFlag(
      "--limit <n>",
      "how many samples to run: the first ones, or with --seed a random choice",
      POSITIVE_INTEGER,
      "128",
    ),
    seed: optionalFlag("--seed <n>", "run a random choice of the samples, the same for the same seed", SEED),
    candidates: defaultFlag(
      "--candidates <list>",
      "weight bits / activation bits to measure, each 2 to 8",
      { parse: parseCandidates },
      DEFAULT_CANDIDATES,
    ),
    metric: defaultFlag(
      "--metric <name>",
      "score that plan minimises by default; all of them are measured",
      oneOf(METRICS.map(({ name }) => name)),
      DEFAULT_METRIC,
    ),
    method: optionalFlag(
      "--method <name>",
      "calibration method of activation ranges (default: the calibration's own choice)",
      TEXT,
    ),
    weights: defaultFlag("--weights <method>", "how weight scales are chosen", oneOf(WEIGHT_CHOICES), "auto"),
    plainBias: switchFlag("--plain-bias", "do not correct biases for the means that quantization moves"),
    perTensor: switchFlag("--per-tensor", "one weight scale per layer instead of one per output channel"),
    symmetric: switchFlag("--symmetric", "activation ranges symmetric about zero instead of affine"),
    freeEnds: switchFlag("--free-ends", "do not fix the first and the last layer at 8/8 in the table"),
    ...MODEL_FLAGS,
    ...OUTPUT_FLAG,
  },
  examples: [
    "dyad sensitivity model.onnx --calibration model.calibration.json --data images.npy --labels labels.npy " +
    "-o model.sensitivity.json",
    "dyad sensitivity model.onnx --calibration model.calibration.json --data photos/ --candidates 8/8,4/8,3/8,2/8 " +
    "--limit 64 --seed 1 -o model.sensitivity.json",
  ],
  async run({ args, flags, terminal }) {
    const target = artefactTarget(flags, terminal);
    const model = loadModel(args.model, flags);
    const calibration = loadArtefact(CalibrationCodec, flags.calibration);
    requireSameModel([{ name: model.name, model: model.sha256 }, modelOf(calibration)]);
    const request = {
      sampleShape: sampleShapeOf(model.graph),
      classes: outputSizeOf(model.graph),
      recorded: { name: calibration.name, preprocess: calibration.content.preprocess },
    };
    const { limit, seed, candidates, metric } = flags;
    const dataset = openData({ ...flags, limit: seed === undefined ? limit : undefined }, request, terminal);
    const options = {
      metric,
      method: flags.method ?? calibration.content.method,
      weightMethod: flags.weights,
      biasCorrection: !flags.plainBias,
      perChannel: !flags.perTensor,
      symmetric: flags.symmetric,
      fixEnds: !flags.freeEnds,
    };
    const header = {
      inputs: inputsOf({
        model: model.sha256,
        calibration: calibration.sha256,
        data: dataset.sha256,
        labels: dataset.labelsSha256,
      }),
      options: optionsOf({ candidates: candidates.map(candidateName), limit, seed, ...options }),
    };
    const study = prepareStudy({
      graph: model.graph,
      calibration: calibration.content,
      calibrationName: calibration.name,
      dataset,
      samples: selectSamples(dataset.count, { limit, seed }),
      candidates,
      ...options,
    });
    const { data, labels, inputShape, output = STREAM } = flags;
    const journal = output === STREAM ? undefined : await JournalFile.open(output + JOURNAL_SUFFIX, {
      inputs: header.inputs,
      options: { ...header.options, data, labels, inputShape, preprocess: dataset.preprocess },
    });
    if (journal !== undefined && journal.changes.length > 0) {
      terminal.warn(
        `${journal.path}: an earlier run was stopped, but ${journal.changes.join(", ")} changed since; starting from ` +
          `the beginning`,
      );
    }
    try {
      const content = await terminal.withProgress(
        "measuring",
        (onProgress) => runStudy(study, { journal, onProgress, note: terminal.note }),
      );
      await target.write(encodeArtefact(SensitivityCodec, { ...content, ...header }));
      journal?.remove();
      return sensitivityReport(content, target.name);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      terminal.note(
        journal === undefined
          ? "interrupted; nothing was kept, with -o FILE the finished part would have been"
          : `interrupted; the finished part is in ${journal.path}, run the same command to go on from there`,
      );
      Deno.exit(error.exitCode);
    } finally {
      journal?.close();
    }
  },
});

interface Watchers {
  readonly journal: JournalFile | undefined;
  readonly onProgress: OnProgress;
  note(text: string): void;
}

/** Runs the measurement, saving each chunk. @throws Interrupted when a signal arrives. */
async function runStudy(study: Study, { journal, onProgress, note }: Watchers): Promise<Sensitivity> {
  const steps = measureSensitivity(study, journal?.records);
  const interruption = new Interruption();
  try {
    let saved: number | undefined;
    while (true) {
      const step = nextStep(steps, journal);
      if (step.done) return step.value;
      if (step.value.kind === "chunk") {
        journal?.append(step.value.record);
        continue;
      }
      const { done, total } = step.value;
      if (saved === undefined && done > 0) note(`going on after ${done} of ${total} samples, from ${journal?.path}`);
      saved ??= done;
      onProgress(Number((done - saved).toFixed(1)), total - saved); // time left is that of this run's share
      await interruption.check();
    }
  } finally {
    interruption.dispose();
  }
}

function nextStep(
  steps: Generator<SensitivityEvent, Sensitivity>,
  journal: JournalFile | undefined,
): IteratorResult<SensitivityEvent, Sensitivity> {
  try {
    return steps.next();
  } catch (error) {
    if (error instanceof DyadError) journal?.remove(); // the same data would fail again: there is nothing to go on from
    throw error;
  }
}

function sensitivityReport({ metric, layers, samples, baseline = {} }: Sensitivity, output: string): Report {
  return {
    json: {
      output,
      metric,
      samples,
      baseline,
      layers: layers.map(({ name, fixed, tiedTo, candidates }) => ({
        name,
        fixed,
        tiedTo,
        scores: Object.fromEntries(candidates.map((candidate) => [candidateName(candidate), candidate.scores[metric]])),
      })),
    },
    blocks: [scoreTable(metric, layers), summary({ metric, samples, baseline }, output)],
  };
}

function scoreTable(metric: string, layers: Sensitivity["layers"]): Table {
  const names = [...new Set(layers.flatMap(({ candidates }) => candidates.map(candidateName)))];
  return {
    isDetail: true,
    columns: [{ title: "layer" }, ...names.map((name) => numeric(name)), { title: "" }],
    rows: layers.map(({ name, fixed, tiedTo, candidates }) => [
      name,
      ...names.map((column) => {
        const found = candidates.find((candidate) => candidateName(candidate) === column);
        return found === undefined ? "" : formatNumber(found.scores[metric], 3);
      }),
      [...(fixed ? [`fixed at ${fixed}`] : []), ...(tiedTo ? [`tied to ${tiedTo}`] : [])].join(", "),
    ]),
  };
}

function summary(
  { metric, samples, baseline = {} }: Pick<Sensitivity, "metric" | "samples" | "baseline">,
  output: string,
): Block {
  const { accuracy, loss } = baseline;
  return facts([
    ["metric", metric],
    ["samples", String(samples)],
    ...(accuracy === undefined ? [] : [["float top-1", formatPercent(accuracy)] as const]),
    ...(loss === undefined ? [] : [["float loss", formatNumber(loss)] as const]),
    ["written", output],
  ]);
}
