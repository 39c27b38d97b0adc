import assert from "node:assert/strict";
import fc from "fast-check";
import { KERNELS } from "../../kernels/mod.ts";
import { floatConvolution } from "../../kernels/float_convolution/reference.ts";
import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import { randomDenseShape, randomDepthwiseShape, randomFloatConvolution } from "./random/convolution.ts";
import { runKernel } from "./run_kernel.ts";

/** The same convolution in float64, straight from the equation, and the sum of magnitudes that bounds its error. */
function inFloat64(problem: FloatConvolutionProblem, input: Float32Array): { value: number; magnitude: number }[] {
  const { window: w, inputChannels, outputChannels, groups, weights, bias, low, high } = problem;
  const groupInputs = inputChannels / groups;
  const results: { value: number; magnitude: number }[] = [];
  for (let y = 0; y < w.outputHeight; y++) {
    for (let x = 0; x < w.outputWidth; x++) {
      for (let o = 0; o < outputChannels; o++) {
        const group = Math.floor(o / (outputChannels / groups));
        let value = bias[o];
        let magnitude = Math.abs(bias[o]);
        for (let r = 0; r < w.kernelHeight; r++) {
          for (let s = 0; s < w.kernelWidth; s++) {
            const row = y * w.strideY - w.padTop + r * w.dilationY;
            const column = x * w.strideX - w.padLeft + s * w.dilationX;
            if (row < 0 || row >= w.inputHeight || column < 0 || column >= w.inputWidth) continue;
            for (let i = 0; i < groupInputs; i++) {
              const product = weights[((o * w.kernelHeight + r) * w.kernelWidth + s) * groupInputs + i] *
                input[(row * w.inputWidth + column) * inputChannels + group * groupInputs + i];
              value += product;
              magnitude += Math.abs(product);
            }
          }
        }
        results.push({ value: Math.min(Math.max(value, low), high), magnitude });
      }
    }
  }
  return results;
}

Deno.test("float convolutions are within 1e-5 of float64, relative to the magnitudes summed", () => {
  fc.assert(
    fc.property(randomFloatConvolution(fc.oneof(randomDenseShape(), randomDepthwiseShape())), (kernelCase) => {
      const { inputs } = kernelCase;
      const problem = kernelCase.problem as FloatConvolutionProblem;
      const output = kernelCase.output as Float32Array;
      const expected = inFloat64(problem, inputs[0] as Float32Array);
      const check = (actual: Float32Array, name: string): void =>
        expected.forEach(({ value, magnitude }, i) => {
          assert(Math.abs(actual[i] - value) <= 1e-5 * magnitude, `${name}: ${actual[i]} at ${i}, expected ${value}`);
        });
      floatConvolution(problem, inputs, output);
      check(output, "reference");
      for (const kernel of KERNELS.filter(({ kind, supports }) => kind === problem.kind && supports(problem))) {
        check(runKernel(kernel, problem, inputs, output), kernel.name);
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("a NaN passes the clamp in the reference and in every kernel", () => {
  fc.assert(
    fc.property(randomFloatConvolution(randomDenseShape()), ({ problem, inputs, output }) => {
      const poisoned = { ...problem as FloatConvolutionProblem, low: 0, high: 6 };
      poisoned.bias.fill(NaN);
      floatConvolution(poisoned, inputs, output);
      assert((output as Float32Array).every(Number.isNaN));
      for (const kernel of KERNELS.filter(({ kind, supports }) => kind === problem.kind && supports(poisoned))) {
        assert(runKernel(kernel, poisoned, inputs, output as Float32Array).every(Number.isNaN), kernel.name);
      }
    }),
    { numRuns: 10 },
  );
});
