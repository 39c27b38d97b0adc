import { surpriseOf } from "../../lib/arith/perplexity.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { usageError } from "../../lib/format/error.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import type { NetworkMemory } from "../../lib/runtime/network_memory.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { backendFlag, resolveBackend } from "../backend.ts";
import { defineCommand, type FlagValues } from "../command.ts";
import { openData } from "../data.ts";
import { artefactTarget, STREAM } from "../files.ts";
import {
  defaultFlag,
  FILE,
  oneOf,
  optionalFlag,
  OUTPUT_FILE,
  positional,
  POSITIVE_INTEGER,
  switchFlag,
} from "../flag.ts";
import { MODEL_FLAGS, OPTIONAL_DATA_FLAGS, THREADS_FLAG } from "../flags.ts";
import { isClassifier, type Prediction, predictionsText, requireClassifier, topClasses } from "../predictions.ts";
import { type Cell, facts, formatBytes, formatMilliseconds, formatPercent, type Report } from "../report.ts";
import { runSamples, type SampleRun, TIMED_SAMPLES, TIMED_SECONDS } from "../run_samples.ts";
import { runStream } from "../run_stream.ts";
import { openRunner, type Runner } from "../runner.ts";
import type { Terminal } from "../terminal.ts";
import type { Timing } from "../timing.ts";

const FORMATS = ["json", "npy"] as const;

const FLAGS = {
  ...OPTIONAL_DATA_FLAGS,
  stream: switchFlag(
    "--stream",
    "read raw uint8 frames of the input's size from standard input, one JSON line out for each",
  ),
  backend: backendFlag("what computes an integer network; the results are the same", "auto"),
  topK: defaultFlag("--top-k <n>", "classes per image in JSON", POSITIVE_INTEGER, "5"),
  dequantize: switchFlag("--dequantize", "write an integer network's outputs as real numbers"),
  latency: switchFlag(
    "--latency",
    `measure the time per image on one thread, of the first ${TIMED_SAMPLES} images or ${TIMED_SECONDS} s, reading and ` +
      "normalising not counted",
  ),
  outputFormat: optionalFlag("--output-format <format>", "default: npy for FILE.npy, otherwise json", oneOf(FORMATS)),
  output: optionalFlag(
    "-o, --output <file>",
    "where the outputs go (default: standard output; with --json nowhere)",
    OUTPUT_FILE,
  ),
  tensors: optionalFlag(
    "--tensors <file>",
    "constants of an integer network (default: the .safetensors beside it)",
    FILE,
  ),
  ...MODEL_FLAGS,
  ...THREADS_FLAG,
};
type RunFlags = FlagValues<typeof FLAGS>;

export const run = defineCommand({
  name: "run",
  summary: "Run an integer network, or a float ONNX model to compare",
  details: "Integer networks know how pixels become their input; a float model takes --mean, --std and so on again. " +
    "Outputs are int32 [N, ...] of an integer network, float32 of a float one, or the top classes as JSON: the same on " +
    "any number of threads. A stream is run on one thread, each frame when it comes.",
  positionals: { network: positional("integer network (.dyad.json) or ONNX model", FILE) },
  flags: FLAGS,
  examples: [
    "dyad run model.dyad.json --data images.npy --labels labels.npy --latency -o outputs.npy",
    "dyad run model.dyad.json --data photos/ --classes classes.txt --top-k 1",
    "dyad run model.onnx --data images.npy --mean 0.286 --std 0.353 --labels labels.npy --json",
    "camera | dyad run model.dyad.json --stream",
  ],
  async run({ args, flags, terminal }) {
    if (flags.stream) {
      checkStreamFlags(flags, args.network, terminal);
      await runStream(openRunner(args.network, { ...flags, backend: resolveBackend(flags.backend, terminal) }), flags);
      return undefined;
    }
    if (flags.data === undefined) throw usageError("nothing to run on: give --data FILE, or --stream");
    const format = flags.outputFormat ?? (/\.npy$/i.test(flags.output ?? "") ? "npy" : "json");
    const isWritten = !terminal.json || flags.output !== undefined;
    const target = isWritten
      ? artefactTarget({ output: flags.output }, terminal, { isBinary: format === "npy" })
      : undefined;
    const backend = resolveBackend(flags.backend, terminal);
    const runner = openRunner(args.network, { ...flags, backend });
    const hasClasses = isClassifier(runner.outputShape);
    if (isWritten && format === "json") requireClassifier(runner.outputShape, runner.name, "--output-format json");
    if (flags.labels !== undefined) requireClassifier(runner.outputShape, runner.name, "--labels");
    const dataset = openData({ ...flags, data: flags.data }, {
      sampleShape: runner.sampleShape,
      classes: hasClasses ? sizeOf(runner.outputShape) : undefined,
      stream: runner.stream,
      recorded: { name: runner.name, preprocess: runner.preprocess },
    }, terminal);
    runner.check(dataset);
    const { latency: isTimed, threads } = flags;
    const { outputs, times } = await terminal.withProgress(
      "running",
      (onProgress) => runSamples(runner, dataset, { threads, isTimed, onProgress, note: terminal.note }),
    );
    const isReal = runner.kind === "float" || flags.dequantize;
    const shown = flags.dequantize ? outputs.map((output) => runner.dequantize(output)) : outputs;
    if (target !== undefined) {
      const content = format === "npy"
        ? outputsArray(shown, isReal, runner)
        : predictionsText(shown.map((scores, index) => predictionOf(scores, index, flags.topK, dataset)));
      await target.write(content);
    }
    return runReport(runner, dataset, outputs, { times, written: target?.name, backend });
  },
});

function outputsArray(outputs: SampleRun["outputs"], isReal: boolean, { outputShape }: Runner): Uint8Array {
  const size = sizeOf(outputShape);
  const shape = [outputs.length, ...outputShape];
  if (isReal) {
    const data = new Float32Array(outputs.length * size);
    outputs.forEach((output, i) => data.set(output, i * size));
    return encodeNpy(tensor("f32", shape, data));
  }
  const data = new Int32Array(outputs.length * size);
  outputs.forEach((output, i) => data.set(output, i * size));
  return encodeNpy(tensor("i32", shape, data));
}

function predictionOf(scores: ArrayLike<number>, index: number, k: number, dataset: Dataset): Prediction {
  const { names, labels, classNames } = dataset;
  return {
    index,
    ...(names && { file: names[index] }),
    ...(labels && { label: labels[index] }),
    top: topClasses(scores, k, classNames),
  };
}

interface RunFacts {
  readonly times?: Timing;
  readonly written: string | undefined;
  readonly backend: Backend;
}

/** What `--json` prints. */
export interface RunSummary {
  readonly network: string;
  readonly kind: Runner["kind"];
  readonly backend?: Backend;
  readonly images: number;
  /** Images whose class was found, and the fraction that they are; with labels. */
  readonly correct?: number;
  readonly top1?: number;
  /** Of every token of a stream but the first; states are carried over. */
  readonly perplexity?: number;
  /** When asked for. */
  readonly latency?: Timing;
  /** Of each thread; of an integer network. */
  readonly memory?: NetworkMemory;
  readonly output?: string;
}

function perplexityOf(
  runner: Runner,
  { targets, count }: Dataset,
  outputs: SampleRun["outputs"],
): number | undefined {
  if (targets === undefined) return undefined;
  const surprises = outputs.map((output, i) => surpriseOf(runner.dequantize(output), targets(i)));
  return Math.exp(surprises.reduce((a, b) => a + b, 0) / (count * targets(0).length));
}

function runReport(
  runner: Runner,
  dataset: Dataset,
  outputs: SampleRun["outputs"],
  { times, written, backend: used }: RunFacts,
): Report<RunSummary> {
  const { name, kind } = runner;
  const { count, labels } = dataset;
  const correct = labels && outputs.filter((output, i) => argmax(output) === labels[i]).length;
  const top1 = correct === undefined ? undefined : correct / count;
  const perplexity = perplexityOf(runner, dataset, outputs);
  const backend = kind === "integer" ? used : undefined;
  const rows: (readonly [string, Cell])[] = [
    ["network", `${name} (${kind}${backend === undefined ? "" : `, ${backend}`})`],
    ["images", String(count)],
  ];
  if (top1 !== undefined) {
    rows.push(["top-1", { text: `${formatPercent(top1)} (${correct} of ${count})`, paint: "bold" }]);
  }
  if (perplexity !== undefined) rows.push(["perplexity", { text: perplexity.toFixed(3), paint: "bold" }]);
  if (times !== undefined) {
    const [median, p10, p90] = [times.medianMs, times.p10Ms, times.p90Ms].map(formatMilliseconds);
    const which = times.images < count ? `, of the first ${times.images}` : "";
    rows.push(["time per image", `${median} (10 % under ${p10}, 90 % under ${p90}${which})`]);
  }
  const memory = runner.memory();
  if (memory !== undefined) {
    const [arena, lowerBound, scratch] = [memory.arenaBytes, memory.lowerBound, memory.scratchBytes].map(formatBytes);
    rows.push(["memory", `${arena} of activations (no plan takes less than ${lowerBound}), ${scratch} to work in`]);
  }
  if (written !== undefined) rows.push(["written", written]);
  return {
    json: {
      network: name,
      kind,
      backend,
      images: count,
      correct,
      top1,
      perplexity,
      latency: times,
      memory,
      output: written,
    },
    blocks: [facts(rows)],
  };
}

/** @throws DyadError (usage) for flags that have no meaning for a stream. */
function checkStreamFlags(flags: RunFlags, network: string, terminal: Terminal): void {
  const names = ["data", "labels", "limit", "resize", "latency", "threads", "output", "outputFormat"] as const;
  const stray = names.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (stray !== undefined) {
    const flag = stray === "outputFormat" ? "output-format" : stray;
    throw usageError(`--stream reads frames from standard input and writes JSON lines; leave --${flag} out`);
  }
  if (terminal.json) throw usageError("--stream has no report, its output is JSON already; leave --json out");
  if (network === STREAM) throw usageError("--stream reads frames from standard input; give the network as a file");
}
