import type { IntegerDType, SumProblem } from "../../lib/arith/problem.ts";
import { storedMagnitude } from "../../lib/arith/bounds.ts";
import { roundingTerm } from "../requantize/dyadic_shift.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** (q - zeroPoint) * multiplier, for the multiplier of one channel. */
export interface ScaledTerm {
  readonly dtype: IntegerDType;
  readonly zeroPoint: number;
  readonly multiplier: number;
}

/** The terms of a sum in one channel. */
export function termsOf({ terms }: SumProblem, channel: number): ScaledTerm[] {
  return terms.map(({ dtype, zeroPoint, multipliers }) => ({
    dtype,
    zeroPoint,
    multiplier: multipliers[multipliers.length === 1 ? 0 : channel],
  }));
}

/** Largest magnitude of a sum of terms, over all values of their dtypes, or within `bounds` where a term has one. */
export function largestSum(terms: readonly ScaledTerm[], bounds: readonly (number | undefined)[] = []): number {
  return terms.reduce(
    (total, { dtype, zeroPoint, multiplier }, t) =>
      total + (bounds[t] ?? storedMagnitude(dtype, zeroPoint)) * Math.abs(multiplier),
    0,
  );
}

/**
 * What is added to the sum of q * multiplier over the terms before the shift: the rounding, and -zeroPoint * multiplier
 * of each term. Modulo 2^64, as the sum is; their total is an int64.
 */
export function sumConstant(terms: readonly ScaledTerm[], shift: number, proven: boolean): bigint {
  const folded = terms.reduce((total, t) => total - BigInt(t.zeroPoint) * BigInt(t.multiplier), 0n);
  return BigInt.asIntN(64, folded + roundingTerm(shift, proven));
}

/**
 * Sets `sums` to four constants plus q * multiplier over the terms, which push four elements as i32x4; constants and
 * multipliers are v128 locals.
 */
export function emitWeightedSums(
  f: FunctionBuilder,
  sums: readonly [Local, Local],
  constants: readonly [Local, Local],
  terms: readonly { readonly multipliers: Local; readonly pushElements: () => void }[],
): void {
  const elements = f.local("v128");
  f.get(constants[0]).set(sums[0]).get(constants[1]).set(sums[1]);
  for (const { multipliers, pushElements } of terms) {
    pushElements();
    f.set(elements);
    f.get(sums[0]).get(elements).get(multipliers).op("i64x2.extmul_low_i32x4_s", "i64x2.add").set(sums[0]);
    f.get(sums[1]).get(elements).get(multipliers).op("i64x2.extmul_high_i32x4_s", "i64x2.add").set(sums[1]);
  }
}
