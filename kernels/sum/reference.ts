import type { SumProblem } from "../../lib/arith/problem.ts";
import { clamp } from "../../lib/arith/round.ts";
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

const HALF = 2 ** 16;

/**
 * (upper * 2^16 + lower + 2^(shift-1)) >> shift, no rounding constant for shift 0. Exact while |upper| and |lower| are
 * under 2^52 and the result under 2^53; a larger result is beyond every clamp of 32 bits, on the right side.
 */
function shiftHalvesRoundHalfUp(upper: number, lower: number, shift: number): number {
  const carry = Math.floor(lower / HALF);
  const high = upper + carry;
  const low = lower - carry * HALF; // 0 .. 2^16 - 1
  if (shift === 0) return high * HALF + low;
  if (shift <= 16) return high * 2 ** (16 - shift) + Math.floor((low + 2 ** (shift - 1)) / 2 ** shift);
  // The rounding constant is a multiple of 2^16: `low` never reaches the result.
  return Math.floor((high + 2 ** (shift - 17)) / 2 ** (shift - 16));
}
