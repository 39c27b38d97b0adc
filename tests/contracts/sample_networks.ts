import { sha256 } from "../../lib/format/hash.ts";
import type { PreprocessOptions } from "../../lib/format/preprocess.ts";
import type { NodeProto, TensorProto } from "../../lib/onnx/messages.ts";
import type { Plain } from "../../lib/onnx/schema.ts";
import type { QuantizeOptions } from "../../lib/quantize/quantize.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { floats, int, integers, ints, node, text } from "../lib/onnx/sample_model.ts";

/** A small network of what the trained ones do not have, and the data that it takes. */
export interface SampleNetwork {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly constants: readonly Plain<TensorProto>[];
  readonly nodes: readonly Plain<NodeProto>[];
  readonly opset?: number;
  readonly preprocess?: PreprocessOptions;
  /** Float data in place of pixels. */
  readonly isFloat?: boolean;
  readonly options?: Partial<QuantizeOptions>;
}

/** Of the data of networks that do not say otherwise. */
export const GREY = { mean: [0.45], std: [0.25] };
const COLOUR = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Weights of a layer whose output is about as large as its input, the same for the same name. */
function weights(name: string, dims: readonly number[], gain = 1): Plain<TensorProto> {
  const random = seededRandom(Number.parseInt(sha256(name).slice(0, 8), 16));
  const deviation = gain * Math.sqrt(2 / sizeOf(dims.slice(1)));
  return floats(name, dims, Array.from({ length: sizeOf(dims) }, () => deviation * random.normal()));
}

/** One number for each channel, between `low` and `high`. */
function perChannel(name: string, channels: number, low: number, high: number): Plain<TensorProto> {
  const random = seededRandom(Number.parseInt(sha256(name).slice(0, 8), 16));
  return floats(name, [channels], Array.from({ length: channels }, () => low + (high - low) * random.uniform()));
}

const kernel = (height: number, width = height) => ints("kernel_shape", [height, width]);
const pads = (...extents: number[]) => ints("pads", extents);
const strides = (y: number, x = y) => ints("strides", [y, x]);

const batchNorm = (name: string, channels: number) => [
  perChannel(`${name}.gamma`, channels, 0.5, 1.5),
  perChannel(`${name}.beta`, channels, -0.5, 0.5),
  perChannel(`${name}.mean`, channels, -0.5, 0.5),
  perChannel(`${name}.variance`, channels, 0.5, 2),
];
const batchNormInputs = (name: string): string =>
  ["gamma", "beta", "mean", "variance"].map((part) => `${name}.${part}`).join(" ");

/** By what is particular to them. */
export const SAMPLE_NETWORKS: Readonly<Record<string, SampleNetwork>> = {
  "colour normalised per channel, grouped and dilated convolutions, SAME_LOWER, uneven pads": {
    input: [3, 9, 11],
    output: [5],
    preprocess: COLOUR,
    constants: [
      weights("w1", [8, 3, 3, 3]),
      perChannel("b1", 8, -0.2, 0.2),
      weights("w2", [12, 2, 3, 3]),
      weights("w3", [6, 12, 2, 4]),
      weights("w4", [6, 1, 3, 2]),
      weights("fc", [5, 6]),
    ],
    nodes: [
      node("Conv", "x w1 b1", "c1", [kernel(3), pads(0, 2, 1, 0), strides(1, 2)]),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2", "c2", [kernel(3), ints("dilations", [2, 1]), pads(2, 1, 2, 1), int("group", 4)]),
      node("Relu", "c2", "r2"),
      node("Conv", "r2 w3", "c3", [kernel(2, 4), text("auto_pad", "SAME_LOWER"), strides(2)]),
      node("Relu", "c3", "r3"),
      node("Conv", "r3 w4", "c4", [kernel(3, 2), text("auto_pad", "SAME_UPPER"), int("group", 6)]),
      node("GlobalAveragePool", "c4", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "pools that hang over the image, averages that leave padding out, a Flatten of a feature map": {
    input: [1, 14, 17],
    output: [4],
    constants: [weights("w1", [6, 1, 3, 3]), weights("w2", [8, 6, 3, 3]), weights("fc", [4, 48])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("MaxPool", "c1", "m1", [kernel(3), strides(2), int("ceil_mode", 1)]),
      node("Conv", "m1 w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c2", "r2"),
      node("AveragePool", "r2", "a1", [kernel(3), pads(1, 1, 1, 1), strides(2), int("ceil_mode", 1)]),
      node("AveragePool", "a1", "a2", [kernel(2), pads(1, 1, 0, 0), int("count_include_pad", 1)]),
      node("MaxPool", "a2", "m2", [kernel(3, 2), strides(1, 2), int("ceil_mode", 1)]),
      node("MaxPool", "m2", "m3", [kernel(2, 1), ints("dilations", [2, 1]), pads(0, 0, 2, 0)]),
      node("Flatten", "m3", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
    opset: 19,
  },
  "a Transpose before a Gemm, a Softmax at the end": {
    input: [2, 4, 5],
    output: [6],
    preprocess: { mean: [0.4, 0.5], std: [0.25, 0.25] },
    constants: [weights("w1", [3, 2, 3, 3]), weights("fc", [60, 6]), perChannel("bias", 6, -0.5, 0.5)],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Transpose", "r1", "t", [ints("perm", [0, 2, 3, 1])]),
      node("Flatten", "t", "f"),
      node("Gemm", "f fc bias", "g"),
      node("Softmax", "g", "y", [int("axis", 1)]),
    ],
  },
  "batch normalizations that no layer takes in: behind a Relu, at the input, of a matrix": {
    input: [3, 6, 6],
    output: [4],
    preprocess: COLOUR,
    constants: [
      ...batchNorm("bn0", 3),
      weights("w1", [8, 3, 3, 3]),
      ...batchNorm("bn1", 8),
      weights("fc1", [8, 10]),
      ...batchNorm("bn2", 10),
      weights("fc2", [10, 4]),
    ],
    nodes: [
      node("BatchNormalization", `x ${batchNormInputs("bn0")}`, "n0"),
      node("Conv", "n0 w1", "c1", [kernel(3)]),
      node("Relu", "c1", "r1"),
      node("BatchNormalization", `r1 ${batchNormInputs("bn1")}`, "n1"),
      node("GlobalAveragePool", "n1", "g"),
      node("Flatten", "g", "f"),
      node("MatMul", "f fc1", "m1"),
      node("Relu", "m1", "r2"),
      node("BatchNormalization", `r2 ${batchNormInputs("bn2")}`, "n2"),
      node("MatMul", "n2 fc2", "y"),
    ],
  },
  "slices: every second pixel of the input, the channels of a layer in two parts": {
    input: [2, 8, 10],
    output: [4],
    preprocess: { mean: [0.4, 0.5], std: [0.25, 0.25] },
    constants: [
      weights("w1", [6, 8, 3, 3]),
      weights("w2", [6, 3, 3, 3]),
      weights("fc", [4, 9]),
      integers("image", [2, 3]),
      integers("twos", [2, 2]),
      ...[[0, 0], [1, 0], [0, 1], [1, 1]].map((start, i) => integers(`corner${i}`, start)),
      ...[0, 3, 6].map((channel) => integers(`channel${channel}`, [channel])),
      integers("channels", [1]),
      integers("far", [1000, 1000]),
    ],
    nodes: [
      ...[0, 1, 2, 3].map((i) => node("Slice", `x corner${i} far image twos`, `x${i}`)),
      node("Concat", "x0 x1 x2 x3", "j", [int("axis", 1)]),
      node("Conv", "j w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Slice", "r1 channel0 channel3 channels", "first"),
      node("Slice", "r1 channel3 channel6 channels", "second"),
      node("Conv", "first w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Concat", "c2 second", "j2", [int("axis", 1)]),
      node("GlobalAveragePool", "j2", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "a Clip behind a Concat, a Relu behind a MaxPool": {
    input: [1, 8, 8],
    output: [3],
    constants: [
      weights("w1", [4, 1, 3, 3]),
      weights("w2", [3, 1, 1, 1]),
      floats("low", [], [-0.75]),
      floats("high", [], [1.5]),
      weights("w3", [5, 8, 3, 3]),
      weights("fc", [3, 5]),
    ],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Conv", "x w2", "c2"),
      node("Concat", "c1 c2 x", "c", [int("axis", 1)]),
      node("Clip", "c low high", "k"),
      node("Conv", "k w3", "c3", [kernel(3)]),
      node("MaxPool", "c3", "m", [kernel(2), strides(2)]),
      node("Relu", "m", "r"),
      node("GlobalAveragePool", "r", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "a mean over the image as the last node": {
    input: [1, 6, 7],
    output: [5, 1, 1],
    constants: [weights("w1", [6, 1, 3, 3]), weights("w2", [5, 6, 3, 3])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2", "c2", [kernel(3)]),
      node("GlobalAveragePool", "c2", "y"),
    ],
  },
  "a convolution as the last node": {
    input: [1, 6, 6],
    output: [2, 6, 6],
    constants: [weights("w1", [6, 1, 3, 3]), weights("w2", [2, 6, 3, 3]), perChannel("b2", 2, -1, 1)],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2 b2", "y", [kernel(3), pads(1, 1, 1, 1)]),
    ],
  },
  "a Relu as the last node, behind a sum": {
    input: [1, 5, 5],
    output: [4, 5, 5],
    constants: [weights("w1", [4, 1, 3, 3]), weights("w2", [4, 4, 3, 3])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Add", "c2 r1", "s"),
      node("Relu", "s", "y"),
    ],
  },
  "Gemm with alpha and beta, MatMul with a bias added": {
    input: [1, 4, 4],
    output: [5],
    constants: [
      weights("fc1", [16, 12]),
      perChannel("b1", 12, -1, 1),
      weights("fc2", [12, 9]),
      perChannel("b2", 9, -0.5, 0.5),
      weights("fc3", [5, 9]),
      floats("b3", [1], [0.25]),
    ],
    nodes: [
      node("Flatten", "x", "f"),
      node("Gemm", "f fc1 b1", "g1", [{ name: "alpha", type: 1, f: 0.75 }, { name: "beta", type: 1, f: -1.5 }]),
      node("Relu", "g1", "r1"),
      node("MatMul", "r1 fc2", "m"),
      node("Add", "b2 m", "s"),
      node("Relu", "s", "r2"),
      node("Gemm", "r2 fc3 b3", "y", [int("transB", 1), { name: "beta", type: 1, f: 2 }]),
    ],
  },
  "sums: of two convolutions, of a value and itself, of three; a value joined with itself": {
    input: [1, 7, 7],
    output: [3],
    constants: [
      weights("w1", [4, 1, 3, 3]),
      weights("w2", [4, 4, 3, 3]),
      weights("w3", [4, 4, 1, 1]),
      weights("w4", [4, 4, 3, 3], 0.5),
      weights("w5", [6, 8, 1, 1]),
      weights("fc", [3, 6]),
    ],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Conv", "r1 w3", "c3"),
      node("Add", "c2 c3", "s1"),
      node("Relu", "s1", "r2"),
      node("Add", "r2 r2", "s2"),
      node("Conv", "s2 w4", "c4", [kernel(3), pads(1, 1, 1, 1)]),
      node("Sum", "c4 s2 r1", "s3"),
      node("Add", "c1 c1", "s4"),
      node("Add", "s3 s4", "s5"),
      node("Concat", "s5 s5", "j", [int("axis", 1)]),
      node("Conv", "j w5", "c5"),
      node("Relu", "c5", "r5"),
      node("GlobalAveragePool", "r5", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "summands of 16 bits, symmetric ranges, one weight scale per layer": {
    input: [3, 6, 6],
    output: [4],
    preprocess: COLOUR,
    options: { residualBits: 16, symmetric: true, perChannel: false },
    constants: [weights("w1", [6, 3, 3, 3]), weights("w2", [6, 6, 3, 3]), weights("fc", [4, 6])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Conv", "c1 w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Add", "c2 c1", "s"),
      node("Relu", "s", "r"),
      node("GlobalAveragePool", "r", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "a Pad that stays, Reshapes, Squeeze and Unsqueeze, an average by ReduceMean": {
    input: [1, 6, 6],
    output: [3],
    constants: [
      integers("around", [0, 0, 1, 0, 0, 1, 0, 2]),
      floats("value", [], [0.5]),
      weights("w1", [4, 2, 3, 3]),
      integers("rows", [0, 8, -1, 6]),
      integers("two", [2]),
      weights("w2", [5, 8, 3, 3]),
      weights("fc", [5, 3]),
    ],
    nodes: [
      node("Pad", "x around value", "p"),
      node("Conv", "p w1", "c1", [kernel(3), pads(1, 1, 1, 1), strides(1, 1)]),
      node("Relu", "c1", "r1"),
      node("MaxPool", "r1", "m", [kernel(2, 3)]),
      node("Reshape", "m rows", "s"),
      node("Unsqueeze", "s two", "u"),
      node("Squeeze", "u two", "q"),
      node("Conv", "q w2", "c2", [kernel(3), pads(1, 1, 1, 1)]),
      node("Relu", "c2", "r2"),
      node("ReduceMean", "r2", "a", [ints("axes", [2, 3]), int("keepdims", 0)]),
      node("MatMul", "a fc", "y"),
    ],
  },
  "dead channels, a dead layer, a Clip that leaves 0 out": {
    input: [1, 5, 5],
    output: [3],
    constants: [
      floats("w1", [3, 1, 1, 1], [0.8, 0, -1.2]),
      floats("b1", [3], [0, 0, 0.1]),
      floats("w2", [2, 3, 1, 1], [0, 0, 0, 0, 0, 0]),
      floats("b2", [2], [-0.5, 0]),
      floats("low", [], [0.25]),
      floats("high", [], [1]),
      weights("w3", [4, 5, 3, 3]),
      weights("fc", [3, 4]),
    ],
    nodes: [
      node("Conv", "x w1 b1", "c1"),
      node("Relu", "c1", "r1"),
      node("Conv", "r1 w2 b2", "c2"),
      node("Relu", "c2", "r2"),
      node("Clip", "r1 low high", "k"),
      node("Concat", "r2 k", "c", [int("axis", 1)]),
      node("Conv", "c w3", "c3", [kernel(3)]),
      node("GlobalAveragePool", "c3", "g"),
      node("Flatten", "g", "f"),
      node("Gemm", "f fc", "y", [int("transB", 1)]),
    ],
  },
  "pixels that pools, a sum and a Concat read": {
    input: [2, 6, 6],
    output: [4],
    preprocess: { mean: [0.4, 0.6], std: [0.2, 0.3] },
    constants: [weights("w1", [2, 2, 3, 3]), weights("w2", [4, 8, 3, 3]), weights("fc", [16, 4])],
    nodes: [
      node("MaxPool", "x", "m", [kernel(3), pads(1, 1, 1, 1)]),
      node("AveragePool", "x", "a", [kernel(3), pads(1, 1, 1, 1)]),
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Add", "x c1", "s"),
      node("Concat", "x m a s", "c", [int("axis", 1)]),
      node("Conv", "c w2", "c2", [kernel(3), strides(3), pads(1, 1, 1, 1)]),
      node("Relu", "c2", "r"),
      node("Flatten", "r", "f"),
      node("MatMul", "f fc", "y"),
    ],
  },
  "tokens: matrix products over the last axis of three, constants added": {
    input: [4, 6],
    output: [4, 3],
    isFloat: true,
    constants: [weights("w1", [6, 8]), perChannel("b1", 8, -1, 1), weights("w2", [8, 3]), ...[floats("one", [1], [1])]],
    nodes: [
      node("Add", "x one", "shifted"),
      node("MatMul", "shifted w1", "m1"),
      node("Add", "m1 b1", "a1"),
      node("Relu", "a1", "r1"),
      node("MatMul", "r1 w2", "m2"),
      node("Softmax", "m2", "y", [int("axis", -1)]),
    ],
  },
  "a Transpose as the last node, behind a Concat over rows": {
    input: [1, 5, 4],
    output: [7, 4, 2],
    constants: [weights("w1", [2, 1, 3, 3]), weights("w2", [2, 1, 1, 1])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(0, 1, 0, 1)]),
      node("Conv", "x w2", "c2", [strides(1)]),
      node("MaxPool", "c2", "m", [kernel(2, 1)]),
      node("Concat", "m c1", "c", [int("axis", 2)]),
      node("Transpose", "c", "y", [ints("perm", [0, 2, 3, 1])]),
    ],
  },
  "a sum as the last node, LogSoftmax over the channels of an image": {
    input: [1, 4, 4],
    output: [3, 4, 4],
    constants: [weights("w1", [3, 1, 3, 3]), weights("w2", [3, 1, 1, 1])],
    nodes: [
      node("Conv", "x w1", "c1", [kernel(3), pads(1, 1, 1, 1)]),
      node("Conv", "x w2", "c2"),
      node("Sum", "c1 c2", "s"),
      node("Identity", "s", "i"),
      node("LogSoftmax", "i", "y", [int("axis", 1)]),
    ],
  },
  "a single Gemm, of pixels": {
    input: [1, 4, 4],
    output: [3],
    constants: [weights("fc", [3, 16]), perChannel("b", 3, -1, 1)],
    nodes: [node("Flatten", "x", "f"), node("Gemm", "f fc b", "y", [int("transB", 1)])],
  },
  "a single Gemm, of floats of both signs": {
    input: [24],
    output: [7],
    isFloat: true,
    constants: [weights("fc", [24, 7])],
    nodes: [node("Gemm", "x fc", "y")],
  },
};
