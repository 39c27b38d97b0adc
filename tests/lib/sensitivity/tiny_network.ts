import { type Quantization, quantize } from "../../../lib/arith/quantization.ts";
import type { Calibration } from "../../../lib/format/calibration.ts";
import type { FloatDataset } from "../../../lib/format/dataset.ts";
import { makePreprocess } from "../../../lib/format/preprocess.ts";
import { constantInput, type Graph, valueOf } from "../../../lib/ir/graph.ts";
import type { GraphProto } from "../../../lib/onnx/messages.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import {
  type FloatTensor,
  type Tensor,
  tensor,
  toActivationOrder,
  toLogicalOrder,
} from "../../../lib/tensor/tensor.ts";
import { floats, info, ints, model, node } from "../onnx/sample_model.ts";

const PIXELS = 2 * 6 * 6;
export const CLASSES = 4;

/** Normally distributed weights, the same for the same seed. */
export function weights(name: string, dims: readonly number[], seed: number) {
  const random = seededRandom(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return floats(name, dims, Array.from({ length: size }, () => Math.fround(random.normal() * 0.4)));
}

export function canonicalGraph(graph: Plain<GraphProto>): Graph {
  return canonicalize(importModel(model(graph), { where: "tiny.onnx" }).graph);
}

/** A residual block with a projection shortcut: stem, (first, second | shortcut), sum, pool, classifier. */
export const TINY: Plain<GraphProto> = {
  input: [info("x", ["N", 2, 6, 6])],
  output: [info("y", ["N", CLASSES])],
  initializer: [
    weights("w0", [4, 2, 3, 3], 1),
    weights("w1", [6, 4, 3, 3], 2),
    weights("w2", [6, 6, 3, 3], 3),
    weights("w3", [6, 4, 1, 1], 4),
    weights("w4", [CLASSES, 6], 5),
    weights("b4", [CLASSES], 6),
  ],
  node: [
    node("Conv", "x w0", "c0", [ints("pads", [1, 1, 1, 1])], "stem"),
    node("Relu", "c0", "r0"),
    node("Conv", "r0 w1", "c1", [ints("strides", [2, 2]), ints("pads", [1, 1, 1, 1])], "first"),
    node("Relu", "c1", "r1"),
    node("Conv", "r1 w2", "c2", [ints("pads", [1, 1, 1, 1])], "second"),
    node("Conv", "r0 w3", "c3", [ints("strides", [2, 2])], "shortcut"),
    node("Add", "c2 c3", "s"),
    node("Relu", "s", "r2"),
    node("GlobalAveragePool", "r2", "p"),
    node("Flatten", "p", "f"),
    node("Gemm", "f w4 b4", "y", [{ name: "transB", type: 2, i: 1 }], "classifier"),
  ],
};

export interface Quantized {
  /** Weights in place of a layer's own, in ONNX order. */
  readonly weights?: Float32Array;
  /** Parameters that the layer's input is rounded to. */
  readonly input?: Quantization;
}

/** The network by its operators' definitions: every computed value in activation order, with some layers quantized. */
export function evaluate(
  graph: Graph,
  image: Float32Array,
  changes: Readonly<Record<string, Quantized>> = {},
): Map<string, FloatTensor> {
  const [inputName] = graph.inputs;
  const { shape } = valueOf(graph, inputName);
  const results = new Map([[inputName, tensor("f32", shape, toActivationOrder(tensor("f32", shape, image)))]]);
  for (const each of graph.nodes) {
    const { weights, input } = changes[each.name] ?? {};
    const operands = each.inputs.map((name, i): Tensor | undefined => {
      if (name === "") return undefined;
      const given = constantInput(graph, each, i) ?? results.get(name)!;
      if (i === 0 && input) return tensor("f32", given.shape, (given.data as Float32Array).map(rounded(input)));
      return i === 1 && weights ? tensor("f32", given.shape, weights) : given;
    });
    const outputs = each.outputs.map((name) => valueOf(graph, name));
    operatorOf(each.op).forward(each, operands, outputs).forEach((result, i) => {
      results.set(each.outputs[i], result as FloatTensor);
    });
  }
  return results;
}

const rounded = (q: Quantization) => (x: number): number => q.scale * (quantize(x, q) - q.zeroPoint);

export function logits(graph: Graph, image: Float32Array, changes?: Readonly<Record<string, Quantized>>): Float32Array {
  return toLogicalOrder(evaluate(graph, image, changes).get(graph.outputs[0])!);
}

/** `count` images of pixel values 0..255 over 255, with labels. */
export function tinyDataset(count: number, seed = 7): FloatDataset & { labels: Int32Array } {
  const random = seededRandom(seed);
  const images = Array.from(
    { length: count },
    () => Float32Array.from({ length: PIXELS }, () => random.integer(0, 255) / 255),
  );
  return {
    kind: "float",
    name: "tiny.npy",
    count,
    sampleShape: [2, 6, 6],
    preprocess: makePreprocess(2),
    sha256: "d".repeat(64),
    labels: Int32Array.from({ length: count }, () => random.integer(0, CLASSES - 1)),
    notes: [],
    sample: (index) => images[index],
  };
}

/** Min-max ranges of every tensor over a dataset. */
export function calibrationOf(graph: Graph, { count, sample }: FloatDataset): Calibration {
  const ranges = new Map<string, { min: number; max: number }>();
  for (let i = 0; i < count; i++) {
    for (const [name, { data }] of evaluate(graph, sample(i))) {
      const { min, max } = ranges.get(name) ?? { min: 0, max: 0 };
      ranges.set(name, { min: Math.min(min, ...data), max: Math.max(max, ...data) });
    }
  }
  const [input] = graph.inputs;
  return {
    method: "min-max",
    samples: count,
    input: { name: input, shape: [...valueOf(graph, input).shape.slice(1)] },
    tensors: Array.from(ranges, ([name, range]) => ({ name, ranges: { "min-max": { any: range } } })),
    weights: [],
  };
}
