import assert from "node:assert/strict";
import fc from "fast-check";
import { selectKernel } from "../../kernels/mod.ts";
import { align, buildProgram } from "../../kernels/program.ts";
import { floatConvolution } from "../../kernels/float_convolution/reference.ts";
import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import {
  randomConvolution,
  randomDenseShape,
  randomDepthwiseShape,
  randomFloatConvolution,
} from "./random/convolution.ts";

const SHAPES = fc.oneof(randomDenseShape(), randomDepthwiseShape());

/** The output of each problem, all entries of one program; `before` may change it once it is built. */
function runAll(
  problems: readonly FloatConvolutionProblem[],
  input: Float32Array,
  before: (replaceWeights: (index: number, weights: Float32Array) => void) => void,
): Float32Array[] {
  const { window: w, outputChannels } = problems[0];
  const outputSize = w.outputHeight * w.outputWidth * outputChannels;
  const inputBytes = align(input.byteLength);
  const program = buildProgram(
    problems.map((problem) => ({ kernel: selectKernel(problem)!, problem })),
    inputBytes + 4 * outputSize,
  );
  before(program.replaceWeights);
  new Float32Array(program.memory.buffer, program.arena, input.length).set(input);
  return problems.map((_, index) => {
    program.run(index, program.arena + inputBytes, program.arena);
    return new Float32Array(program.memory.buffer, program.arena + inputBytes, outputSize).map((value) => value + 0);
  });
}

Deno.test("replaced weights give the output of a problem that has them, with its own bias, in that entry alone", () => {
  fc.assert(
    fc.property(randomFloatConvolution(SHAPES), (kernelCase) => {
      const problem = kernelCase.problem as FloatConvolutionProblem;
      const input = kernelCase.inputs[0] as Float32Array;
      const weights = problem.weights.map((value, i) => value * (1 + i % 7) - 0.5);
      const again = weights.toReversed();
      const twin = { ...problem, bias: problem.bias.map((value) => value + 1) };
      const expected = [{ ...problem, weights: again }, twin].map((expectedProblem) => {
        const output = kernelCase.output.slice() as Float32Array;
        floatConvolution(expectedProblem, [input], output);
        return output.map((value) => value + 0);
      });
      const actual = runAll([problem, twin], input, (replaceWeights) => {
        replaceWeights(0, weights);
        replaceWeights(0, again);
      });
      assert.deepEqual(actual, expected);
    }),
    { numRuns: 150 },
  );
});

Deno.test("weights that cannot be replaced are refused", () => {
  const [{ problem }] = fc.sample(randomFloatConvolution(SHAPES), 1);
  const [{ problem: integer }] = fc.sample(randomConvolution(SHAPES), 1);
  const program = buildProgram([problem, integer].map((p) => ({ kernel: selectKernel(p)!, problem: p })), 0);
  const { weights } = problem as FloatConvolutionProblem;
  assert.throws(() => program.replaceWeights(0, new Float32Array(weights.length + 1)), {
    name: "RangeError",
    message: `${weights.length} weights expected, found ${weights.length + 1}`,
  });
  assert.throws(
    () => program.replaceWeights(1, new Float32Array(integer.weights.length)),
    /no weights that can be replaced/,
  );
});
