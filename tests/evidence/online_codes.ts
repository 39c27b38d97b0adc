/**
 * Codes of activations that each vector finds for itself, by the language model of testdata: what they lose of the vectors
 * that its matrices multiply, beside two rounds of the paper's method (arXiv 1802.00150, algorithm 2) in float, the best of
 * several starts, and equal steps up to each vector's largest magnitude; and the perplexity of its integers over the test
 * tokens as one stream, by the commands of the README:
 *
 *     deno run -A tests/evidence/online_codes.ts [--samples 800]
 *
 * --samples is how many stretches of 50 tokens of the test split are run. Exits 1 unless integer codes lose no more than the
 * paper's rounds in float, 2 codes have a lower perplexity than 2 bits, and more codes a lower one than fewer.
 */
import { parseArgs } from "node:util";
import type { RunSummary } from "../../cli/commands/run.ts";
import { numeric } from "../../cli/report.ts";
import { squaredCodeError } from "../../lib/arith/binary_codes/codes.ts";
import { ALTERNATING } from "../../lib/arith/binary_codes/methods/alternating.ts";
import { MULTISTART } from "../../lib/arith/binary_codes/methods/multistart.ts";
import { codeVectors } from "../../lib/arith/online_codes.ts";
import { activationQuantization, dequantize, quantize } from "../../lib/arith/quantization.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { streamSamples } from "../../lib/float/stream_samples.ts";
import { producersOf, valueOf } from "../../lib/ir/graph.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { dyad, dyadReport, testdata } from "./commands.ts";
import { languageModel, validationTokens } from "./sequence_networks.ts";

/** Tokens in one run of the graph, and runs whose vectors are looked at. */
const STEPS = 36;
const RUNS = 8;
const BITS = [1, 2, 3, 4];
/** Integers of 8 bits cost something too. */
const TOLERANCE = 1.01;

const { values: flags } = parseArgs({ args: Deno.args, options: { samples: { type: "string", default: "800" } } });

/** The vectors that each matrix multiplies; under another shape they are the same. */
function layerVectors(): Map<string, Float32Array[]> {
  const graph = languageModel(STEPS);
  const stream = streamSamples(graph, Int32Array.from(validationTokens(RUNS * STEPS + 1)), "valid");
  const engine = compileFloat(graph);
  const producers = producersOf(graph);
  const inputs = layersOf(graph).map(({ input }) => input).filter((name) => producers.get(name)?.op !== "Reshape");
  const lengths = new Map(inputs.map((name) => [name, valueOf(graph, name).shape.at(-1)!]));
  const vectors = new Map(Array.from(lengths.keys(), (name) => [name, [] as Float32Array[]]));
  for (let i = 0; i < RUNS; i++) {
    engine.run(stream.sample(i) as Float32Array, (name, data) => {
      const length = lengths.get(name);
      if (length === undefined) return;
      for (let at = 0; at < data.length; at += length) vectors.get(name)!.push(data.slice(at, at + length));
    });
  }
  return vectors;
}

function squaredNorm(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** Of one vector, by integers of 8 bits of the range of all. */
function integerError(values: Float32Array, bits: number, range: { min: number; max: number }): number {
  const quantization = activationQuantization(range, 8);
  const integers = Int32Array.from(values, (value) => quantize(value, quantization));
  codeVectors(integers, { ...quantization, bits, length: integers.length });
  return values.reduce((sum, value, i) => sum + (value - dequantize(integers[i], quantization)) ** 2, 0);
}

/** Of one vector in 2^bits equal steps between plus and minus its largest magnitude. */
function equalStepsError(values: Float32Array, bits: number): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const step = 2 * largest / (2 ** bits - 1);
  return values.reduce((sum, value) => {
    const rounded = (Math.floor((value + largest) / step + 0.5)) * step - largest;
    return sum + (value - rounded) ** 2;
  }, 0);
}

function errorRows(): { cells: string[]; isHeld: boolean }[] {
  return Array.from(layerVectors()).flatMap(([name, vectors]) => {
    const range = vectors.reduce((all, vector) => ({
      min: vector.reduce((a, b) => Math.min(a, b), all.min),
      max: vector.reduce((a, b) => Math.max(a, b), all.max),
    }), { min: 0, max: 0 });
    const norm = vectors.reduce((sum, vector) => sum + squaredNorm(vector), 0);
    return BITS.map((bits) => {
      const relative = (error: (vector: Float32Array) => number): number =>
        vectors.reduce((sum, vector) => sum + error(vector), 0) / norm;
      const own = relative((vector) => integerError(vector, bits, range));
      const paper = relative((vector) => squaredCodeError(vector, ALTERNATING.encode(vector, bits)));
      const others = [
        relative((vector) => squaredCodeError(vector, MULTISTART.encode(vector, bits))),
        relative((vector) => equalStepsError(vector, bits)),
      ];
      return {
        cells: [name, String(bits), ...[own, paper, ...others].map((e) => e.toFixed(4))],
        isHeld: own <= TOLERANCE * paper,
      };
    });
  });
}

const MODEL = [testdata("models/lstm_lm.onnx"), "--input-shape", "ids=50x1"];
const VALIDATION = ["--data", testdata("data/lm/valid.ids.txt"), "--limit", "16"];
const TEST = ["--data", testdata("data/lm/test.ids.txt"), "--limit", flags.samples];
const NETWORKS = ["8/8", "8/codes4", "8/4", "8/codes3", "8/3", "8/codes2", "8/2", "8/codes1"];
const CODED = ["codes4/codes4", "codes3/codes3", "codes2/codes3", "codes2/codes2"];

async function perplexities(onProgress: (done: number, total: number) => void): Promise<Map<string, number>> {
  const folder = Deno.makeTempDirSync();
  const at = (name: string): string => `${folder}/${name}.json`;
  await dyad("calibrate", ...MODEL, ...VALIDATION, "-o", at("calibration"));
  const found = new Map<string, number>();
  const all = [...NETWORKS, ...CODED];
  for (const bits of all) {
    const options = ["--bits", bits, "--ends", bits, "--codes", ALTERNATING.name];
    await dyad("quantize", ...MODEL, "--calibration", at("calibration"), ...options, "-o", at("network"));
    const { perplexity } = await dyadReport("run", at("network"), ...TEST) as RunSummary; // what run prints
    found.set(bits, perplexity!);
    onProgress(found.size, all.length);
  }
  Deno.removeSync(folder, { recursive: true });
  return found;
}

const rows = await withProgress("vectors of the language model", () => errorRows());
const found = await withProgress("perplexity of integers", perplexities);

printTable("Relative squared error of the vectors that its matrices multiply", {
  columns: [
    { title: "vectors" },
    ...["codes", "online, integers", "paper's rounds, float", "best start, float", "equal steps"].map(numeric),
    { title: "" },
  ],
  rows: rows.map(({ cells, isHeld }) => [...cells, barCell(isHeld)]),
});

/** By network, of which others it has to be better. */
const BETTER: Readonly<Record<string, readonly string[]>> = {
  "8/codes4": ["8/codes3"],
  "8/codes3": ["8/codes2"],
  "8/codes2": ["8/2", "8/codes1"],
  "codes4/codes4": ["codes3/codes3"],
  "codes3/codes3": ["codes2/codes3"],
  "codes2/codes3": ["codes2/codes2"],
};
const bars = new Map(
  Object.entries(BETTER).map(([name, others]) => [name, others.every((other) => found.get(name)! < found.get(other)!)]),
);
printTable(`Perplexity on ${flags.samples} x 50 tokens, integers alone`, {
  columns: [{ title: "weights/activations" }, numeric("perplexity"), { title: "less than" }, { title: "" }],
  rows: Array.from(found, ([name, perplexity]) => [
    name,
    perplexity.toFixed(3),
    (BETTER[name] ?? []).join(", "),
    bars.has(name) ? barCell(bars.get(name)!) : "",
  ]),
});
conclude([...rows.map(({ isHeld }) => isHeld), ...bars.values()]);
