import {
  type AnyConvolutionProblem,
  type AveragePoolProblem,
  gateCount,
  type KernelProblem,
  type MaxPoolProblem,
  type RecurrentProblem,
} from "../arith/problem.ts";
import { sizeOf } from "../tensor/shape.ts";

type Work<P extends KernelProblem> = (problem: P) => number;

/** Multiplications of a dense convolution that take as long as one of another kind, or one element, natively. */
const DEPTHWISE = 8;
const RECURRENT = 2;
const CODED = 64;
/** Of a vector, whatever its length. */
const CODING = 2 ** 16;
/** For an input that finds its scale. */
const QUANTIZED = 32;
const LARGEST = 2;
const AVERAGED = 12;
const MOVED = 8;
const RESCALED = 16;

const WORKS: { readonly [K in KernelProblem["kind"]]: Work<Extract<KernelProblem, { kind: K }>> } = {
  convolution: convolutionWork,
  convolution_sum: convolutionWork,
  sum: ({ pixels, channels, terms }) => RESCALED * pixels * channels * terms.length,
  concat: ({ outer, parts }) => RESCALED * outer * parts.reduce((total, { inner }) => total + inner, 0),
  max_pool: (problem) => LARGEST * poolTaps(problem),
  average_pool: (problem) => AVERAGED * poolTaps(problem),
  copy: ({ shape }) => MOVED * sizeOf(shape),
  gather: ({ count, width }) => MOVED * count * width,
  table: ({ size }) => MOVED * size,
  lstm: recurrentWork,
  gru: recurrentWork,
  rnn: recurrentWork,
  online_codes: ({ vectors, length }) => vectors * (CODING + CODED * length),
  dynamic_product: ({ positions, inputs, weights }) => positions * (weights.length + QUANTIZED * inputs),
};

/** About how long a problem takes, in multiplications of a dense convolution. */
export function workOf(problem: KernelProblem): number {
  return (WORKS[problem.kind] as Work<KernelProblem>)(problem); // found by the kind of problems that it takes
}

function convolutionWork({ window: w, weights, groups }: AnyConvolutionProblem): number {
  return w.outputHeight * w.outputWidth * weights.length * (groups > 1 ? DEPTHWISE : 1);
}

function poolTaps({ window: w, channels }: MaxPoolProblem | AveragePoolProblem): number {
  return w.outputHeight * w.outputWidth * channels * w.kernelHeight * w.kernelWidth;
}

function recurrentWork(problem: RecurrentProblem): number {
  const { steps, batch, hidden } = problem;
  return RECURRENT * steps * batch * gateCount(problem) * hidden * hidden;
}
