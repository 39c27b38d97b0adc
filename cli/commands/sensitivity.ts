import { encodeArtefact } from "../../lib/format/artefact.ts";
import { CalibrationCodec, WEIGHT_CHOICES } from "../../lib/format/calibration.ts";
import { DEFAULT_CANDIDATES, parseCandidates } from "../../lib/format/candidates.ts";
import { type Dataset, hasExpectation } from "../../lib/format/dataset.ts";
import { type DyadError, usageError } from "../../lib/format/error.ts";
import { PartCodec, shardOf } from "../../lib/format/part.ts";
import { candidateName } from "../../lib/format/plan.ts";
import { selectSamples } from "../../lib/format/select_samples.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { checkLabelsFit, makeFrame } from "../../lib/sensitivity/make_frame.ts";
import type { JournalSource } from "../../lib/sensitivity/journal.ts";
import { needsRounds } from "../../lib/sensitivity/measurements/mod.ts";
import { DEFAULT_METRIC, METRICS } from "../../lib/sensitivity/metrics/mod.ts";
import { STABILITY_RULE, untilStable } from "../../lib/sensitivity/stability.ts";
import { prepareStudy, type Study } from "../../lib/sensitivity/study.ts";
import { assembleTable } from "../../lib/sensitivity/table.ts";
import { inputsOf, loadArtefact, modelOf, optionsOf, requireSameModel } from "../artefacts.ts";
import { FLOAT_BACKEND_FLAG, resolveFloatBackend } from "../backend.ts";
import { defineCommand, type FlagValues } from "../command.ts";
import { openData } from "../data.ts";
import { artefactTarget, STREAM } from "../files.ts";
import {
  defaultFlag,
  FILE,
  listOf,
  oneOf,
  optionalFlag,
  positional,
  POSITIVE_INTEGER,
  requiredFlag,
  SEED,
  switchFlag,
  TEXT,
  type ValueType,
} from "../flag.ts";
import { CODING_FLAGS, codingOf, DATA_FLAGS, MODEL_FLAGS, OUTPUT_FLAG, THREADS_FLAG } from "../flags.ts";
import { Interrupted } from "../interruption.ts";
import { JournalFile } from "../journal_file.ts";
import { type Measured, measureOnThreads } from "../measure_sensitivity.ts";
import { dataRequestOf, loadModel } from "../model.ts";
import { planWithinBudget } from "../plan_within_budget.ts";
import { sensitivityReport } from "../sensitivity_report.ts";
import { partReport, SHARD_FLAG } from "../shard.ts";
import type { Terminal } from "../terminal.ts";

const JOURNAL_SUFFIX = ".partial";

const ALL = "all";
const METRIC_NAMES = METRICS.map(({ name }) => name);

const METRIC_LIST: ValueType<readonly string[] | typeof ALL> = {
  choices: [...METRIC_NAMES, ALL],
  parse: (text) => text === ALL ? ALL : listOf(oneOf(METRIC_NAMES)).parse(text),
};

const FLAGS = {
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
    "weight bits / activation bits to measure, each 2 to 8, or codes1 to codes4 for binary codes",
    { parse: parseCandidates },
    DEFAULT_CANDIDATES,
  ),
  metric: defaultFlag(
    "--metric <name>",
    "score that plan minimises by default",
    oneOf(METRIC_NAMES),
    DEFAULT_METRIC,
  ),
  metrics: optionalFlag(
    "--metrics <list>",
    "scores to measure besides (default: those that need neither derivatives nor, without --labels, labels)",
    METRIC_LIST,
  ),
  probes: optionalFlag(
    "--probes <n>",
    "rounds of random probes for the metrics that need them (default: until the plan is stable)",
    POSITIVE_INTEGER,
  ),
  probeSeed: defaultFlag("--probe-seed <n>", "what random probes are drawn from", SEED, "0"),
  method: optionalFlag(
    "--method <name>",
    "calibration method of activation ranges (default: the calibration's own choice)",
    TEXT,
  ),
  weights: defaultFlag("--weights <method>", "how weight scales are chosen", oneOf(WEIGHT_CHOICES), "auto"),
  ...CODING_FLAGS,
  plainBias: switchFlag("--plain-bias", "do not correct biases for the means that quantization moves"),
  perTensor: switchFlag("--per-tensor", "one weight scale per layer instead of one per output channel"),
  symmetric: switchFlag("--symmetric", "activation ranges symmetric about zero instead of affine"),
  freeEnds: switchFlag("--free-ends", "do not fix the first and the last layer at 8/8 in the table"),
  ...MODEL_FLAGS,
  ...THREADS_FLAG,
  ...FLOAT_BACKEND_FLAG,
  ...SHARD_FLAG,
  ...OUTPUT_FLAG,
};

export const sensitivity = defineCommand({
  name: "sensitivity",
  summary: "Score every layer at every candidate: how much the network suffers from its bits",
  details: "One layer is quantized at a time, its weights and its input, each alone and both together. The metrics:\n" +
    METRICS.map(({ name, formula, needsLabels }) => `  ${name}: ${formula}${needsLabels ? " Needs --labels." : ""}`)
      .join("\n") +
    `\n\nWithout --probes, ${STABILITY_RULE}.` +
    `\n\nWith -o FILE every few samples are saved in FILE${JOURNAL_SUFFIX}: after an interruption the same command goes ` +
    "on from there. The table is the same after interruptions, on any number of threads, and merged from shards.",
  positionals: { model: positional("ONNX model", FILE) },
  flags: FLAGS,
  examples: [
    "dyad sensitivity model.onnx --calibration model.calibration.json --data images.npy --labels labels.npy " +
    "-o model.sensitivity.json",
    "dyad sensitivity model.onnx --calibration model.calibration.json --data photos/ --candidates 8/8,4/8,3/8,2/8 " +
    "--limit 64 --seed 1 -o model.sensitivity.json",
  ],
  async run({ args, flags, terminal }) {
    const target = artefactTarget(flags, terminal);
    const { study, measured, header } = openStudy(args.model, flags, terminal);
    const { frame } = measured;
    const { shard } = flags;
    const journal = await openJournal(measured.dataset, flags, header, terminal);
    try {
      const threads = flags.threads ?? navigator.hardwareConcurrency;
      const { records, ending } = await terminal.withProgress(
        "measuring",
        (onProgress) => measureOnThreads(study, measured, { threads, journal, onProgress, note: terminal.note }),
      );
      if (shard !== undefined) {
        const part = { of: "dyad/sensitivity" as const, shard, frame, records: [...records], ...header };
        await target.write(encodeArtefact(PartCodec, part));
        journal?.remove();
        return partReport(part, `${records.length} ${records.length === 1 ? "unit" : "units"} of work`, target);
      }
      const content = assembleTable(frame, records, ending);
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

type SensitivityFlags = FlagValues<typeof FLAGS>;

interface OpenedStudy {
  readonly study: Study;
  readonly measured: Measured;
  /** What the artefact says that it was made from. */
  readonly header: JournalSource;
}

/** Reads the files that the flags name, and makes everything ready to be measured. */
function openStudy(modelPath: string, flags: SensitivityFlags, terminal: Terminal): OpenedStudy {
  const model = loadModel(modelPath, flags);
  const calibration = loadArtefact(CalibrationCodec, flags.calibration);
  requireSameModel([{ name: model.name, model: model.sha256 }, modelOf(calibration)]);
  const { limit, seed, candidates, metrics, probes, probeSeed, shard } = flags;
  const dataset = openData({ ...flags, limit: seed === undefined ? limit : undefined }, {
    ...dataRequestOf(model.graph),
    recorded: { name: calibration.name, preprocess: calibration.content.preprocess },
  }, terminal);
  const options = {
    metric: flags.metric,
    method: flags.method ?? calibration.content.method,
    weightMethod: flags.weights,
    ...codingOf(flags, candidates),
    biasCorrection: !flags.plainBias,
    perChannel: !flags.perTensor,
    symmetric: flags.symmetric,
    fixEnds: !flags.freeEnds,
  };
  const study = prepareStudy({
    graph: model.graph,
    calibration: calibration.content,
    calibrationName: calibration.name,
    dataName: dataset.name,
    hasLabels: hasExpectation(dataset),
    candidates,
    metrics,
    probeSeed,
    backend: resolveFloatBackend(flags.backend, terminal),
    ...options,
  });
  checkLabelsFit(study, dataset);
  const hasRounds = needsRounds(study.metrics);
  if (probes !== undefined && !hasRounds) throw probesWithoutUse();
  if (shard !== undefined && hasRounds && probes === undefined) throw shardWithoutProbes(study.metrics);
  const indices = selectSamples(dataset.count, { limit, seed });
  return {
    study,
    measured: {
      frame: makeFrame(study, { samples: indices.length, probes }),
      dataset,
      indices,
      rule: untilStable(planWithinBudget),
      share: shard && ((units) => shardOf(units, shard)),
    },
    header: {
      inputs: inputsOf({
        model: model.sha256,
        calibration: calibration.sha256,
        data: dataset.sha256,
        labels: dataset.labelsSha256,
      }),
      options: optionsOf({
        candidates: candidates.map(candidateName),
        limit,
        seed,
        ...options,
        metrics: metrics && study.metrics,
        ...(hasRounds && { probes, probeSeed }),
      }),
    },
  };
}

function probesWithoutUse(): DyadError {
  const random = METRICS.map(({ name }) => name).filter((name) => needsRounds([name]));
  return usageError(`--probes is for the metrics ${random.join(", ")}; add one to --metrics, or leave --probes out`);
}

function shardWithoutProbes(metrics: readonly string[]): DyadError {
  const random = metrics.filter((name) => needsRounds([name])).join(", ");
  return usageError(
    `--shard needs --probes N to measure ${random}: how many rounds of random probes are enough is found out from all ` +
      `samples, which no shard has`,
  );
}

/** The journal beside the artefact; standard output has none. */
async function openJournal(
  { preprocess }: Dataset,
  { data, labels, inputShape, shard, output = STREAM }: SensitivityFlags,
  { inputs, options }: JournalSource,
  terminal: Terminal,
): Promise<JournalFile | undefined> {
  if (output === STREAM) return undefined;
  const journal = await JournalFile.open(output + JOURNAL_SUFFIX, {
    inputs,
    options: { ...options, data, labels, inputShape, preprocess, shard },
  });
  if (journal.changes.length > 0) {
    terminal.warn(
      `${journal.path}: an earlier run was stopped, but ${
        journal.changes.join(", ")
      } changed since; starting from the ` +
        `beginning`,
    );
  }
  return journal;
}
