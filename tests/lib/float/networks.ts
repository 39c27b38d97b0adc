import type { Graph } from "../../../lib/ir/graph.ts";
import { valueOf } from "../../../lib/ir/graph.ts";
import type { GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { floats, info, int, integers, ints, node, text } from "../onnx/sample_model.ts";
import { canonicalGraph, TINY, weights } from "../sensitivity/tiny_network.ts";

/** Every kind of layer that has a kernel of its own, limits on both sides, pools, and values that several layers read. */
const VARIED: Plain<GraphProto> = {
  input: [info("x", ["N", 3, 7, 8])],
  output: [info("y", ["N", 4])],
  initializer: [
    weights("w0", [4, 3, 3, 3], 1),
    weights("b0", [4], 2),
    weights("w1", [4, 1, 3, 3], 3),
    weights("w2", [5, 8, 1, 1], 4),
    weights("w3", [6, 4, 2, 2], 5),
    weights("w4", [9, 66], 6),
    weights("w5", [4, 9], 7),
    weights("b5", [4], 8),
    floats("zero", [], [0]),
    floats("one", [], [1]),
  ],
  node: [
    node("Conv", "x w0 b0", "c0", [ints("pads", [1, 1, 1, 1])], "stem"),
    node("Clip", "c0 zero one", "r0"),
    node("Conv", "r0 w1", "c1", [ints("strides", [2, 2]), ints("pads", [0, 1, 1, 0]), int("group", 4)], "depthwise"),
    node("MaxPool", "r0", "m", [ints("kernel_shape", [3, 3]), ints("strides", [2, 2]), ints("pads", [0, 1, 1, 0])]),
    node("Concat", "c1 m", "j0", [int("axis", 1)]),
    node("Conv", "j0 w2", "c2", [], "pointwise"),
    node("Relu", "c2", "r2"),
    node("AveragePool", "r2", "a", [ints("kernel_shape", [2, 2])]),
    node("Conv", "j0 w3", "c3", [ints("dilations", [2, 2]), ints("pads", [1, 0, 0, 1]), int("group", 2)], "grouped"),
    node("Concat", "a c3", "j1", [int("axis", 1)]),
    node("Flatten", "j1", "f"),
    node("Gemm", "f w4", "g", [int("transB", 1)], "hidden"),
    node("Relu", "g", "r4"),
    node("Gemm", "r4 w5 b5", "y", [int("transB", 1)], "classifier"),
  ],
};

/** Without limits, so that derivatives exist everywhere; the sum is read by two layers. */
const SMOOTH: Plain<GraphProto> = {
  input: [info("x", ["N", 2, 6, 6])],
  output: [info("y", ["N", 3])],
  initializer: [
    weights("w0", [4, 2, 3, 3], 1),
    weights("w1", [4, 4, 3, 3], 2),
    weights("w2", [4, 4, 1, 1], 3),
    weights("w3", [3, 4], 4),
  ],
  node: [
    node("Conv", "x w0", "c0", [ints("strides", [2, 2]), ints("pads", [1, 1, 1, 1])], "stem"),
    node("Conv", "c0 w1", "c1", [ints("pads", [1, 1, 1, 1])], "first"),
    node("Add", "c0 c1", "s"),
    node("Conv", "s w2", "c2", [], "shortcut"),
    node("Add", "s c2", "t"),
    node("GlobalAveragePool", "t", "p"),
    node("Flatten", "p", "f"),
    node("Gemm", "f w3", "y", [int("transB", 1)], "classifier"),
  ],
};

/** Without limits as well, and with a Softmax over channels in the middle, so that it is not piecewise linear. */
const CURVED: Plain<GraphProto> = {
  input: [info("x", ["N", 2, 5, 5])],
  output: [info("y", ["N", 3])],
  initializer: [
    weights("w0", [4, 2, 3, 3], 1),
    weights("w1", [5, 4, 3, 3], 2),
    weights("w2", [3, 5], 3),
  ],
  node: [
    node("Conv", "x w0", "c0", [ints("pads", [1, 1, 1, 1])], "stem"),
    node("Softmax", "c0", "s", [int("axis", 1)]),
    node("Conv", "s w1", "c1", [ints("strides", [2, 2])], "second"),
    node("GlobalAveragePool", "c1", "p"),
    node("Flatten", "p", "f"),
    node("Gemm", "f w2", "y", [int("transB", 1)], "classifier"),
  ],
};

/** Rows of an image as time steps: a layer in front of an LSTM in both directions, a GRU behind it, its last state. */
const RECURRENT: Plain<GraphProto> = {
  input: [info("x", ["N", 4, 3])],
  output: [info("y", ["N", 3])],
  initializer: [
    weights("w0", [3, 5], 1),
    weights("w1", [2, 16, 5], 2),
    weights("r1", [2, 16, 4], 3),
    weights("b1", [2, 32], 4),
    weights("w2", [1, 9, 8], 5),
    weights("r2", [1, 9, 3], 6),
    weights("w3", [3, 3], 7),
    integers("rows", [0, -1, 8]),
    { name: "last", dims: [], dataType: 7, int64Data: [-1] },
  ],
  node: [
    node("MatMul", "x w0", "m0", [], "embedding"),
    node("Transpose", "m0", "t0", [ints("perm", [1, 0, 2])]),
    node("LSTM", "t0 w1 r1 b1", "h1", [text("direction", "bidirectional")]),
    node("Transpose", "h1", "t1", [ints("perm", [0, 2, 1, 3])]),
    node("Reshape", "t1 rows", "f1"),
    node("GRU", "f1 w2 r2", "- h2"),
    node("Gather", "h2 last", "g2", [int("axis", 0)]),
    node("Gemm", "g2 w3", "y", [int("transB", 1)], "classifier"),
  ],
};

/** Small networks, each with fewer than 2,000 weights, by name. */
export const NETWORKS: Readonly<Record<string, Graph>> = {
  residual: canonicalGraph(TINY),
  varied: canonicalGraph(VARIED),
  smooth: canonicalGraph(SMOOTH),
  curved: canonicalGraph(CURVED),
  recurrent: canonicalGraph(RECURRENT),
};

/** Standard normal numbers, the same for the same seed. */
export function normal(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
}

/** A random image of a network's input shape. */
export function imageOf(graph: Graph, seed: number): Float32Array {
  return normal(sizeOf(valueOf(graph, graph.inputs[0]).shape), seed);
}
