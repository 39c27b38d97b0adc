import { activationQuantization } from "../../../lib/arith/quantization.ts";
import { dequantizeWeights, quantizeWeights, weightScales } from "../../../lib/arith/weight_quantization.ts";
import { rangeOf } from "../../../lib/format/calibration.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { calibrationOf, canonicalGraph, CLASSES, logits, type Quantized, TINY, tinyDataset } from "./tiny_network.ts";

export const graph = canonicalGraph(TINY);
export const dataset = tinyDataset(21); // three chunks, the last one short
export const calibration = calibrationOf(graph, dataset);

/** What one layer runs with at these widths, by the library of integer arithmetic. */
export function quantizedLayer(name: string, weightBits?: number, activationBits?: number): Record<string, Quantized> {
  const layer = layersOf(graph).find((each) => each.name === name)!;
  const { data, shape } = layer.weight;
  const scales = weightScales(data, shape[0], { bits: weightBits ?? 8, perChannel: true, method: "mse" });
  return {
    [name]: {
      weights: weightBits && dequantizeWeights(quantizeWeights(data, scales, weightBits), scales) || undefined,
      input: activationBits === undefined ? undefined : activationQuantization(
        rangeOf(calibration, layer.node.inputs[0], "min-max", activationBits),
        activationBits,
      ),
    },
  };
}

export function softmax(output: Float32Array | number[]): number[] {
  const powers = Array.from(output, (logit) => Math.exp(logit));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

export function mean(term: (index: number) => number): number {
  return Array.from({ length: dataset.count }, (_, i) => term(i)).reduce((a, b) => a + b) / dataset.count;
}

function halved(output: Float32Array): number[] {
  return Array.from(output, (logit) => logit / 2);
}

function divergence(p: number[], q: number[]): number {
  return p.reduce((sum, each, c) => sum + each * Math.log(each / q[c]), 0);
}

/** Scores by their formulas, over outputs by the operators' definitions. */
export function bruteForce(changes: Record<string, Quantized>): Record<string, number> {
  const run = (changed?: Record<string, Quantized>) =>
    Array.from({ length: dataset.count }, (_, i) => logits(graph, dataset.sample(i), changed));
  const [float, quantized] = [run(), run(changes)];
  const [p, q] = [float.map(softmax), quantized.map(softmax)];
  const answers = (outputs: Float32Array[]) => outputs.map((output) => output.indexOf(Math.max(...output)));
  const hits = (outputs: Float32Array[]) => mean((i) => Number(answers(outputs)[i] === dataset.labels[i]));
  const entropy = (outputs: number[][]) => mean((i) => -Math.log(outputs[i][dataset.labels[i]]));
  return {
    kl: mean((i) => divergence(p[i], q[i])),
    "soft-kl": mean((i) => 4 * divergence(softmax(halved(float[i])), softmax(halved(quantized[i])))),
    mse: mean((i) => float[i].reduce((sum, each, c) => sum + (each - quantized[i][c]) ** 2, 0) / CLASSES),
    loss: Math.max(0, entropy(q) - entropy(p)),
    accuracy: Math.max(0, hits(float) - hits(quantized)),
  };
}
