import type { SumProblem } from "../../lib/arith/problem.ts";
import { clamp, shiftHalvesRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, NumberDType, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a sum of rescaled integers: one common shift, one rounding. */
export function sum(problem: SumProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { pixels, channels, terms, shift, output: { zeroPoint, low, high } } = problem;
  const sources = inputs as readonly ArrayOf<NumberDType>[];
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const element = pixel * channels + channel;
      // The sum as upper * 2^16 + lower: v * b needs 64 bits, its two halves fit a float64 exactly.
      let upper = 0;
      let lower = 0;
      for (let t = 0; t < terms.length; t++) {
        const { multipliers } = terms[t];
        const multiplier = multipliers[multipliers.length === 1 ? 0 : channel];
        const value = sources[t][element] - terms[t].zeroPoint;
        upper += value * (multiplier >> 16);
        lower += value * (multiplier & 0xffff);
      }
      output[element] = clamp(zeroPoint + shiftHalvesRoundHalfUp(upper, lower, shift), low, high);
    }
  }
}
