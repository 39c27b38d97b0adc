import assert from "node:assert/strict";
import fc from "fast-check";
import { CONVOLUTION_KERNELS } from "../../../kernels/convolution/kernel.ts";
import { convolution } from "../../../kernels/convolution/reference.ts";
import { planChannels } from "../../../kernels/requantize/channel_requantization.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import {
  type ConvolutionCase,
  type ConvolutionShape,
  outputSize,
  randomConvolution,
  randomDenseShape,
} from "../random_problems.ts";
import { runKernel } from "../run_kernel.ts";

function checkRows({ problem, input }: ConvolutionCase<ConvolutionProblem>): void {
  const expected = allocate(problem.output?.dtype ?? "i32", outputSize(problem));
  convolution(problem, [input], expected);
  const rows = CONVOLUTION_KERNELS.filter((kernel) => kernel.supports(problem));
  assert(rows.length > 0);
  for (const kernel of rows) assert.deepEqual(runKernel(kernel, problem, [input], expected), expected, kernel.name);
}

Deno.test("convolution kernels equal the reference, bit for bit, whatever can be proven of the weights", () => {
  const plans = new Map<string, number>();
  fc.assert(
    fc.property(randomConvolution(randomDenseShape()), (problemAndInput) => {
      const { mode } = planChannels(problemAndInput.problem);
      plans.set(mode, (plans.get(mode) ?? 0) + 1);
      checkRows(problemAndInput);
    }),
    { numRuns: 400 },
  );
  assert.deepEqual([...plans.keys()].sort(), ["accumulators", "common", "exact", "lanes"]);
});

Deno.test("a large matrix times a vector has a kernel of its own, and all rows agree on it", () => {
  const shape: ConvolutionShape = { window: POINT_WINDOW, inputChannels: 1023, outputChannels: 1031, groups: 1 };
  fc.assert(
    fc.property(randomConvolution(fc.constant(shape)), (problemAndInput) => {
      const rows = CONVOLUTION_KERNELS.filter((kernel) => kernel.supports(problemAndInput.problem));
      assert.equal(rows.length, 2);
      checkRows(problemAndInput);
    }),
    { numRuns: 8 },
  );
});
