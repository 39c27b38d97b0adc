import type { CopyProblem } from "../../lib/arith/problem.ts";
import type { ArrayOf, NumberDType, TypedArray } from "../../lib/tensor/dtype.ts";
import { forEachOffset } from "../../lib/tensor/tensor.ts";

/** The definition of a strided copy. */
export function copy(problem: CopyProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { shape, sourceOffset, sourceStrides, targetOffset, targetStrides, fill } = problem;
  const source = inputs[0] as ArrayOf<NumberDType>;
  const target = output as ArrayOf<NumberDType>;
  target.fill(fill);
  forEachOffset(shape, sourceStrides, targetStrides, (from, to) => {
    target[targetOffset + to] = source[sourceOffset + from];
  });
}
