import type { ConcatProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, NumberDType, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a concatenation of rescaled integers. */
export function concat(problem: ConcatProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { outer, parts, output: { zeroPoint, low, high } } = problem;
  let target = 0;
  for (let position = 0; position < outer; position++) {
    parts.forEach(({ inner, zeroPoint: inputZeroPoint, rescale }, p) => {
      const source = inputs[p] as ArrayOf<NumberDType>;
      for (let i = position * inner; i < (position + 1) * inner; i++) {
        output[target++] = rescale === undefined ? source[i] : clamp(
          zeroPoint + rescaleRoundHalfUp(source[i] - inputZeroPoint, rescale.multiplier, rescale.shift),
          low,
          high,
        );
      }
    });
  }
}
