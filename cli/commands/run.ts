import { surpriseOf } from "../../lib/arith/perplexity.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { usageError } from "../../lib/format/error.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import type { NetworkMemory } from "../../lib/runtime/network_memory.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { backendFlag, resolveBackend } from "../backend.ts";
import { defineCommand, type FlagValues } from "../command.ts";
import { openData, stepsOf } from "../data.ts";
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
import { isClassifier, requireClassifier } from "../predictions.ts";
import { type Cell, facts, formatBytes, formatMilliseconds, formatPercent, type Report } from "../report.ts";
import { openRunOutput } from "../run_output.ts";
import { type ImageTiming, runSamples, TIMED_SAMPLES, TIMED_SECONDS } from "../run_samples.ts";
import { runStream } from "../run_stream.ts";
import { openRunner, type Runner, type RunnerOutput } from "../runner.ts";
import type { Terminal } from "../terminal.ts";

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
    `measure the time per image on one thread, or on those of --threads together, of the first ${TIMED_SAMPLES} images ` +
      `or ${TIMED_SECONDS} s, reading and normalising not counted`,
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
    "any number of threads. Of a network that predicts tokens the perplexity is told, and outputs are written only where " +
    "-o or --output-format asks for them. Threads compute different images; with --latency, of a stream, of a network " +
    "with states, or of fewer images than threads, they compute each image together, where the network is large enough.",
  positionals: { network: positional("integer network (.dyad.json) or ONNX model", FILE) },
  flags: FLAGS,
  examples: [
    "dyad run model.dyad.json --data images.npy --labels labels.npy --latency -o outputs.npy",
    "dyad run model.dyad.json --data photos/ --classes classes.txt --top-k 1",
    "dyad run lm.dyad.json --data tokens.txt",
    "dyad run model.onnx --data images.npy --mean 0.286 --std 0.353 --labels labels.npy --json",
    "camera | dyad run model.dyad.json --stream",
  ],
  async run({ args, flags, terminal }) {
    if (flags.stream) {
      checkStreamFlags(flags, args.network, terminal);
      const backend = resolveBackend(flags.backend, terminal);
      await runStream(openRunner(args.network, { ...flags, backend }), flags, terminal.note);
      return undefined;
    }
    if (flags.data === undefined) throw usageError("nothing to run on: give --data FILE, or --stream");
    const format = flags.outputFormat ?? (/\.npy$/i.test(flags.output ?? "") ? "npy" : "json");
    const backend = resolveBackend(flags.backend, terminal);
    const runner = openRunner(args.network, { ...flags, backend });
    const hasClasses = isClassifier(runner.outputShape);
    // Of tokens, perplexity is the result; outputs are of a size that nobody reads.
    const isAsked = flags.output !== undefined || flags.outputFormat !== undefined;
    const isWritten = isAsked || (!terminal.json && (hasClasses || runner.stream === undefined));
    const target = isWritten
      ? artefactTarget({ output: flags.output }, terminal, { isBinary: format === "npy" })
      : undefined;
    if (isWritten && format === "json") requireClassifier(runner.outputShape, runner.name, "--output-format json");
    if (flags.labels !== undefined && runner.stream === undefined) {
      requireClassifier(runner.outputShape, runner.name, "--labels");
    }
    const dataset = openData({ ...flags, data: flags.data }, {
      sampleShape: runner.sampleShape,
      classes: hasClasses ? sizeOf(runner.outputShape) : undefined,
      stream: runner.stream,
      recorded: { name: runner.name, preprocess: runner.preprocess },
    }, terminal);
    runner.check(dataset);
    const { latency: isTimed, threads, dequantize, topK } = flags;
    const written = target && await openRunOutput(runner, dataset, { target, format, dequantize, topK });
    const score = new RunScore(runner, dataset);
    try {
      const times = await terminal.withProgress("running", (onProgress) =>
        runSamples(runner, dataset, {
          threads,
          isTimed,
          onProgress,
          onOutput(output, index) {
            written?.add(output, index);
            score.add(output, index);
          },
          note: terminal.note,
        }));
      await written?.close();
      return runReport(runner, dataset, { ...score.result(), times, written: target?.name, backend });
    } finally {
      written?.discard();
    }
  },
});

/** What the outputs of a run come to. */
interface Score {
  /** With labels. */
  readonly correct?: number;
  /** Of a network that predicts the next token. */
  readonly perplexity?: number;
}

/** Sums up outputs as they come. */
class RunScore {
  #correct = 0;
  #surprise = 0;
  #tokens = 0;

  constructor(private readonly runner: Runner, private readonly dataset: Dataset) {}

  add(output: RunnerOutput, index: number): void {
    const { labels, targets } = this.dataset;
    if (labels !== undefined && argmax(output) === labels[index]) this.#correct++;
    if (targets === undefined) return;
    const expected = targets(index);
    this.#surprise += surpriseOf(this.runner.dequantize(output), expected);
    this.#tokens += expected.length;
  }

  result(): Score {
    return {
      ...(this.dataset.labels && { correct: this.#correct }),
      ...(this.#tokens > 0 && { perplexity: Math.exp(this.#surprise / this.#tokens) }),
    };
  }
}

interface RunFacts extends Score {
  readonly times?: ImageTiming;
  readonly written: string | undefined;
  readonly backend: Backend;
}

/** What `--json` prints. */
export interface RunSummary {
  readonly network: string;
  readonly kind: Runner["kind"];
  readonly backend?: Backend;
  /** Or stretches of a stream of tokens. */
  readonly images: number;
  /** Images whose class was found, and the fraction that they are; with labels. */
  readonly correct?: number;
  readonly top1?: number;
  /** Of every token of a stream but the first; states are carried over. */
  readonly perplexity?: number;
  /** When asked for. */
  readonly latency?: ImageTiming;
  /** Of each thread; of an integer network. */
  readonly memory?: NetworkMemory;
  readonly output?: string;
}

function runReport(
  runner: Runner,
  dataset: Dataset,
  { correct, perplexity, times, written, backend: used }: RunFacts,
): Report<RunSummary> {
  const { name, kind } = runner;
  const { count } = dataset;
  const steps = runner.stream && stepsOf(runner.stream);
  const unit = steps === undefined ? "image" : "sample";
  const top1 = correct === undefined ? undefined : correct / count;
  const backend = kind === "integer" ? used : undefined;
  const rows: (readonly [string, Cell])[] = [
    ["network", `${name} (${kind}${backend === undefined ? "" : `, ${backend}`})`],
    [`${unit}s`, steps === undefined ? String(count) : `${count} of ${steps} token${steps === 1 ? "" : "s"}`],
  ];
  if (top1 !== undefined) {
    rows.push(["top-1", { text: `${formatPercent(top1)} (${correct} of ${count})`, paint: "bold" }]);
  }
  if (perplexity !== undefined) rows.push(["perplexity", { text: perplexity.toFixed(3), paint: "bold" }]);
  if (times !== undefined) {
    const [median, p10, p90] = [times.medianMs, times.p10Ms, times.p90Ms].map(formatMilliseconds);
    const which = times.images < count ? `, of the first ${times.images}` : "";
    const where = times.threads === 1 ? "" : ` on ${times.threads} threads`;
    rows.push([`time per ${unit}`, `${median}${where} (10 % under ${p10}, 90 % under ${p90}${which})`]);
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
  const names = ["data", "labels", "limit", "resize", "latency", "output", "outputFormat"] as const;
  const stray = names.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (stray !== undefined) {
    const flag = stray === "outputFormat" ? "output-format" : stray;
    throw usageError(`--stream reads frames from standard input and writes JSON lines; leave --${flag} out`);
  }
  if (terminal.json) throw usageError("--stream has no report, its output is JSON already; leave --json out");
  if (network === STREAM) throw usageError("--stream reads frames from standard input; give the network as a file");
}
