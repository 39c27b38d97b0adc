import { dequantize } from "../../lib/arith/quantization.ts";
import { surpriseOf } from "../../lib/arith/perplexity.ts";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import { streamSamples } from "../../lib/float/stream_samples.ts";
import type { Dataset, FloatDataset } from "../../lib/format/dataset.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { makePreprocess } from "../../lib/format/preprocess.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { createEngine } from "../../lib/runtime/engine.ts";
import { contextOf, languageModel, validationTokens } from "./sequence_networks.ts";

/** Tokens in one run of the language model, and runs that calibrate it. */
const STEPS = 36;
const CALIBRATION_RUNS = 64;

/** All layers at 8/8, calibrated by method auto. */
export function quantizedAtEight(graph: Graph, data: Dataset): IntegerNetwork {
  const layers = layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }] as const);
  const calibration = calibrateGraph(graph, data, { method: "auto" }).content;
  return quantizeGraph(graph, calibration, { layers: new Map(layers) });
}

/** The perplexity of the integer language model over tokens as one stream, calibrated on the validation split. */
export function integerPerplexity(
  tokens: readonly number[],
  onProgress: (done: number, total: number) => void,
): number {
  const graph = languageModel(STEPS);
  const samples = streamSamples(graph, Int32Array.from(validationTokens(CALIBRATION_RUNS * STEPS + 1)), "valid");
  const data: FloatDataset = {
    kind: "float",
    name: "valid",
    sampleShape: [samples.size],
    preprocess: makePreprocess(1, {}),
    isPreprocessAssumed: true,
    sha256: "0".repeat(64),
    notes: [],
    ...samples,
  };
  const network = quantizedAtEight(graph, data);
  const engine = createEngine(network, "wasm", "lstm_lm");
  const output = network.tensors.get(network.output.tensor)!;
  const context = contextOf(tokens);
  let sum = 0;
  for (let first = 0; first < tokens.length; first += STEPS) {
    const targets = tokens.slice(first, first + STEPS);
    const given = context.slice(first, first + STEPS);
    const padded = [...given, ...new Array<number>(STEPS - given.length).fill(0)]; // only behind the last token
    const logits = Float32Array.from(engine.run(padded), (q) => dequantize(Number(q), output));
    sum += surpriseOf(logits.subarray(0, logits.length / STEPS * targets.length), targets);
    onProgress(Math.min(first + STEPS, tokens.length), tokens.length);
  }
  return Math.exp(sum / tokens.length);
}
