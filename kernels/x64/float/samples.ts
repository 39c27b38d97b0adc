import type {
  FloatAveragePoolProblem,
  FloatConcatProblem,
  FloatConvolutionProblem,
  FloatMaxPoolProblem,
  FloatProductProblem,
  FloatSumProblem,
  FloatWeightGradientProblem,
} from "../../../lib/arith/problem.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import type { Window } from "../../../lib/tensor/window.ts";

/** A float problem with inputs, and an array for its output. */
interface FloatSample<P, A = Float32Array> {
  readonly problem: P;
  readonly inputs: readonly A[];
  readonly output: A;
}

function normals(seed: number, length: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
}

/** A convolution with a limit that bites, whose bits depend on the order of its sums. */
export function sampleFloatConvolution(
  window: Window,
  inputChannels: number,
  outputChannels: number,
  groups: number,
): FloatSample<FloatConvolutionProblem> {
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth } = window;
  const problem: FloatConvolutionProblem = {
    kind: "float_convolution",
    window,
    inputChannels,
    outputChannels,
    groups,
    weights: normals(9, outputChannels * kernelHeight * kernelWidth * inputChannels / groups),
    bias: normals(10, outputChannels),
    low: 0,
    high: 6,
  };
  return {
    problem,
    inputs: [normals(11, inputHeight * inputWidth * inputChannels)],
    output: new Float32Array(outputHeight * outputWidth * outputChannels),
  };
}

/** A sum with limits that bite, and elements that fill no vector. */
export function sampleFloatSum(): FloatSample<FloatSumProblem> {
  const size = 333;
  return {
    problem: { kind: "float_sum", size, terms: 3, low: 0, high: 1 },
    inputs: [12, 13, 14].map((seed) => normals(seed, size)),
    output: new Float32Array(size),
  };
}

/** A maximum with channels that fill no vector. */
export function sampleFloatMaxPool(window: Window): FloatSample<FloatMaxPoolProblem> {
  return { problem: { kind: "float_max_pool", window, channels: 21 }, ...pooled(window, 15, 21) };
}

/** A mean of a few divisors, with channels of more than one block that fill no vector. */
export function sampleFloatAveragePool(window: Window): FloatSample<FloatAveragePoolProblem> {
  const channels = 77;
  const divisors = Int32Array.from({ length: window.outputHeight * window.outputWidth }, (_, i) => 1 + i % 9);
  return { problem: { kind: "float_average_pool", window, channels, divisors }, ...pooled(window, 16, channels) };
}

function pooled({ inputHeight, inputWidth, outputHeight, outputWidth }: Window, seed: number, channels: number) {
  return {
    inputs: [normals(seed, inputHeight * inputWidth * channels)],
    output: new Float32Array(outputHeight * outputWidth * channels),
  };
}

/** More parts than registers hold. */
export function sampleFloatConcat(): FloatSample<FloatConcatProblem> {
  const outer = 3;
  const inners = [21, 5, 16, 77, 2];
  return {
    problem: { kind: "float_concat", outer, inners },
    inputs: inners.map((inner, part) => normals(17 + part, outer * inner)),
    output: new Float32Array(outer * inners.reduce((sum, inner) => sum + inner, 0)),
  };
}

/** The gradient of a convolution's weights, whose bits depend on the order of its sums. */
export function sampleFloatWeightGradient(
  window: Window,
  inputChannels: number,
  outputChannels: number,
  groups: number,
): FloatSample<FloatWeightGradientProblem> {
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth } = window;
  return {
    problem: { kind: "float_weight_gradient", window, inputChannels, outputChannels, groups },
    inputs: [
      normals(30, inputHeight * inputWidth * inputChannels),
      normals(31, outputHeight * outputWidth * outputChannels),
    ],
    output: new Float32Array(outputChannels * kernelHeight * kernelWidth * inputChannels / groups),
  };
}

/** A product with rows that fill neither a block nor a vector, whose bits depend on the order of its sums. */
export function sampleFloatProduct(): FloatSample<FloatProductProblem, Float64Array> {
  const [rows, columns] = [93, 37];
  const random = seededRandom(33);
  return {
    problem: { kind: "float_product", rows, columns, weights: normals(32, rows * columns) },
    inputs: [Float64Array.from({ length: columns }, () => random.normal())],
    output: new Float64Array(rows),
  };
}
