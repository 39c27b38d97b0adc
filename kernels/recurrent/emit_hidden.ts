import type { RecurrentProblem } from "../../lib/arith/problem.ts";
import { fitsInt32, offsetTerm, roundingTerm } from "../requantize/dyadic_shift.ts";
import { emitFinishedSums, type SumFinish } from "../requantize/finish_sums.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** Stores h = clamp(Z + ((v * b + 2^(s-1)) >> s), low, high) of the first `lanes` of four |v| <= 2^30. */
export function emitHidden(
  f: FunctionBuilder,
  { output: range }: RecurrentProblem,
  values: Local,
  lanes: number,
  output: Local,
): void {
  const { multiplier, shift, zeroPoint } = range;
  const [low, high] = f.locals("v128", 2);
  const proven = fitsInt32(2 ** 30 * multiplier, shift, zeroPoint);
  ([["i64x2.extmul_low_i32x4_s", low], ["i64x2.extmul_high_i32x4_s", high]] as const).forEach(([multiply, sums]) => {
    f.get(values).v128(new Int32Array(4).fill(multiplier)).op(multiply);
    f.v128(new BigInt64Array(2).fill(roundingTerm(shift, proven))).op("i64x2.add").set(sums);
  });
  const finish: SumFinish = {
    output: range,
    proven,
    counts: { per: "vector", push: () => f.i32(shift) },
    pushOffset: () => f.v128(new Int32Array(4).fill(offsetTerm(zeroPoint, shift))),
  };
  emitFinishedSums(f, [low, high], finish, lanes, { base: output, offset: 0 });
}
