import assert from "node:assert/strict";
import fc from "fast-check";
import { runReference, selectKernel } from "../../../kernels/mod.ts";
import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import {
  inputGradientProblem,
  spreadGradient,
  transposeWeights,
  weightGradientProblem,
} from "../../../lib/arith/problem_gradients.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { POINT_WINDOW, type Window } from "../../../lib/tensor/window.ts";
import {
  type ConvolutionShape,
  randomDenseShape,
  randomDepthwiseShape,
  randomFloatConvolution,
} from "../../kernels/random/convolution.ts";
import { runKernel } from "../../kernels/run_kernel.ts";

/** A convolution with a cotangent of its sums, all small integers: every sum is exact, whatever its order. */
interface Case {
  readonly problem: FloatConvolutionProblem;
  readonly input: Float32Array;
  readonly gradient: Float32Array;
}

function withIntegers(shape: ConvolutionShape, seed: number): Case {
  const { window: w, inputChannels, outputChannels, groups } = shape;
  const random = seededRandom(seed);
  const integers = (length: number): Float32Array => Float32Array.from({ length }, () => random.integer(-4, 4));
  return {
    problem: {
      kind: "float_convolution",
      ...shape,
      weights: integers(outputChannels * w.kernelHeight * w.kernelWidth * inputChannels / groups),
      bias: new Float32Array(outputChannels),
      low: -Infinity,
      high: Infinity,
    },
    input: integers(w.inputHeight * w.inputWidth * inputChannels),
    gradient: integers(w.outputHeight * w.outputWidth * outputChannels),
  };
}

function positiveZero(value: number): number {
  return value + 0;
}

function forward({ problem, input, gradient }: Case): Float32Array {
  const output = new Float32Array(gradient.length);
  runReference(problem, [input], output);
  return output;
}

function inputGradient({ problem, input, gradient }: Case): Float32Array {
  const { problem: transposed, spread } = inputGradientProblem(problem);
  const { inputHeight, inputWidth } = transposed.window;
  // What an arena holds before: it must all be written.
  const read = new Float32Array(inputHeight * inputWidth * problem.outputChannels).fill(NaN);
  if (spread) spreadGradient(spread, gradient, read);
  else read.set(gradient);
  const output = new Float32Array(input.length);
  runReference(transposed, [read], output);
  const kernel = selectKernel(transposed);
  assert(kernel !== undefined, "every input gradient has a kernel");
  assert.deepEqual(runKernel(kernel, transposed, [read], output).map(positiveZero), output.map(positiveZero));
  return output;
}

function weightGradient({ problem, input, gradient }: Case): Float32Array {
  const output = new Float32Array(problem.weights.length);
  runReference(weightGradientProblem(problem), [input, gradient], output);
  return output;
}

function innerProduct(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** Padding of up to 3 pixels reaches beyond the smaller kernels. */
function randomCase(): fc.Arbitrary<Case> {
  const shapes = fc.oneof(randomDenseShape(), randomDepthwiseShape());
  return fc.tuple(shapes, fc.integer()).map(([shape, seed]) => withIntegers(shape, seed));
}

Deno.test("input and weight gradients are the adjoints of the convolution, exactly", () => {
  let spread = 0;
  let direct = 0;
  fc.assert(
    fc.property(randomCase(), (convolution) => {
      const product = innerProduct(convolution.gradient, forward(convolution));
      assert.equal(innerProduct(inputGradient(convolution), convolution.input), product, "input");
      assert.equal(innerProduct(weightGradient(convolution), convolution.problem.weights), product, "weights");
      if (inputGradientProblem(convolution.problem).spread) spread++;
      else direct++;
    }),
    { numRuns: 300 },
  );
  assert(spread > 10 && direct > 10, `${spread} spread, ${direct} direct`);
});

/** One output moved by one input: each element of both gradients by itself, where an inner product could hide two errors. */
Deno.test("the gradient of one output is what that output multiplies", () => {
  fc.assert(
    fc.property(randomCase(), fc.nat(), fc.nat(), fc.nat(), (convolution, out, at, weight) => {
      const { problem, input, gradient } = convolution;
      const output = out % gradient.length;
      const only = { ...convolution, gradient: gradient.map((_, i) => i === output ? 1 : 0) };
      const before = forward(only)[output];
      const moved = input.map((value, i) => i === at % input.length ? value + 1 : value);
      const byInput = forward({ ...only, input: moved })[output] - before;
      assert.equal(inputGradient(only)[at % input.length] + 0, byInput, "input");
      const weights = problem.weights.map((value, i) => i === weight % problem.weights.length ? value + 1 : value);
      const byWeight = forward({ ...only, problem: { ...problem, weights } })[output] - before;
      assert.equal(weightGradient(only)[weight % weights.length] + 0, byWeight, "weight");
    }),
    { numRuns: 300 },
  );
});

function square(size: number, kernel: number, stride: number, pad: number, dilation: number = 1): Window {
  const output = Math.floor((size + 2 * pad - (kernel - 1) * dilation - 1) / stride) + 1;
  return {
    inputHeight: size,
    inputWidth: size,
    outputHeight: output,
    outputWidth: output,
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideY: stride,
    strideX: stride,
    dilationY: dilation,
    dilationX: dilation,
    padTop: pad,
    padLeft: pad,
    padBottom: pad,
    padRight: pad,
  };
}

/** By name: the window, and whether its gradient has to be spread. */
const EDGES: readonly (readonly [string, Window, boolean])[] = [
  ["matrix product", POINT_WINDOW, false],
  ["1x1", square(5, 1, 1, 0), false],
  ["1x1, stride 2, last column unread", square(6, 1, 2, 0), true],
  ["3x3, same", square(5, 3, 1, 1), false],
  ["3x3, valid", square(5, 3, 1, 0), false],
  ["3x3, stride 2", square(7, 3, 2, 1), true],
  ["3x3, stride 2, last row unread", square(8, 3, 2, 0), true],
  ["2x2, stride 3: gaps between windows", square(8, 2, 3, 0), true],
  ["3x3, dilation 2", square(7, 3, 1, 2, 2), false],
  ["padding beyond the kernel's reach", square(3, 2, 1, 3), true],
  ["1x1 with padding: windows that read no pixel", square(3, 1, 2, 2), true],
  ["one window, whatever its stride", square(3, 3, 2, 0), false],
  ["padding below and to the right only", { ...square(4, 3, 1, 1), padTop: 0, padLeft: 0 }, false],
  ["an image cut by negative padding", { ...square(6, 3, 1, 0), padTop: -1, outputHeight: 3 }, false],
  ["rows and columns that no window reads", { ...square(9, 3, 1, 0), outputHeight: 4, outputWidth: 5 }, false],
];

for (const [name, window, needsSpread] of EDGES) {
  Deno.test(`adjoints at the edge: ${name}`, () => {
    for (const [inputChannels, outputChannels, groups] of [[1, 1, 1], [2, 3, 1], [4, 6, 2], [3, 3, 3]]) {
      const convolution = withIntegers({ window, inputChannels, outputChannels, groups }, 7);
      assert.equal(inputGradientProblem(convolution.problem).spread !== undefined, needsSpread);
      const product = innerProduct(convolution.gradient, forward(convolution));
      assert.equal(innerProduct(inputGradient(convolution), convolution.input), product);
      assert.equal(innerProduct(weightGradient(convolution), convolution.problem.weights), product);
    }
  });
}

Deno.test("transposing the weights of the input gradient's problem gives the weights again", () => {
  fc.assert(
    fc.property(randomFloatConvolution(fc.oneof(randomDenseShape(), randomDepthwiseShape())), ({ problem }) => {
      const { problem: transposed } = inputGradientProblem(problem as FloatConvolutionProblem);
      const target = new Float32Array(transposed.weights.length).fill(NaN);
      assert.equal(transposeWeights(transposed, transposed.weights, target), target);
      assert.deepEqual(target, (problem as FloatConvolutionProblem).weights);
    }),
    { numRuns: 100 },
  );
});

Deno.test("arrays of another size are refused, with the sizes", () => {
  const { problem, gradient } = withIntegers(
    { window: square(7, 3, 2, 1), inputChannels: 1, outputChannels: 2, groups: 1 },
    1,
  );
  const { spread } = inputGradientProblem(problem);
  assert(spread !== undefined);
  const target = new Float32Array(9 * 9 * 2);
  spreadGradient(spread, gradient, target);
  assert.throws(() => spreadGradient(spread, gradient.subarray(1), target), /^RangeError: gradient: 32 .* found 31$/);
  assert.throws(
    () => spreadGradient(spread, gradient, target.subarray(2)),
    /^RangeError: spread gradient: 162 .* 160$/,
  );
  assert.throws(() => transposeWeights(problem, gradient), /^RangeError: weights: 18 elements expected, found 32$/);
});
