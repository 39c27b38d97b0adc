import type { LstmProblem } from "../../lib/arith/problem.ts";
import { emitShiftedWords, offsetTerm, roundingTerm } from "../requantize/dyadic_shift.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

const INT16_MIN = -(2 ** 15);
const INT16_MAX = 2 ** 15 - 1;

function splat(f: FunctionBuilder, value: number): FunctionBuilder {
  return f.v128(new Int32Array(4).fill(value));
}

/** Clamps the i32x4 on the stack to int16. */
export function emitSaturated(f: FunctionBuilder): FunctionBuilder {
  splat(f, INT16_MIN).op("i32x4.max_s");
  return splat(f, INT16_MAX).op("i32x4.min_s");
}

/** A factor and what it is multiplied by, four int32 each. */
export type Product = readonly [Local, Local];

/**
 * Pushes (sum of products + 2^(shift-1)) >> shift, clamped to signed `bits`, as i32x4. The clamp comes before the shift,
 * where what is beyond is more than 32 bits; shifts of 64 - `bits` and more leave no more.
 */
export function emitGateInput(
  f: FunctionBuilder,
  products: readonly Product[],
  shift: number,
  bits: number = 16,
): void {
  const end = 1n << BigInt(bits - 1);
  const sums = f.locals("v128", 2);
  const [limit] = f.locals("v128", 1);
  (["i64x2.extmul_low_i32x4_s", "i64x2.extmul_high_i32x4_s"] as const).forEach((multiply, half) => {
    f.v128(new BigInt64Array(2).fill(roundingTerm(shift, false)));
    for (const [value, multiplier] of products) f.get(value).get(multiplier).op(multiply, "i64x2.add");
    f.set(sums[half]);
    if (shift < 64 - bits) {
      const unit = 1n << BigInt(shift);
      const clampTo = (bound: bigint, compare: "i64x2.gt_s" | "i64x2.lt_s"): void => {
        f.v128(new BigInt64Array(2).fill(bound)).tee(limit).get(sums[half]).get(sums[half]).get(limit);
        f.op(compare, "v128.bitselect").set(sums[half]);
      };
      clampTo(end * unit - 1n, "i64x2.gt_s");
      clampTo(-end * unit, "i64x2.lt_s");
    }
    // Shifted as unsigned, see `roundingTerm`.
    f.get(sums[half]).v128(new BigInt64Array(2).fill(-(2n ** 63n))).op("i64x2.add").set(sums[half]);
  });
  emitShiftedWords(f, () => f.get(sums[0]), () => f.get(sums[1]), { per: "vector", push: () => f.i32(shift) });
  splat(f, offsetTerm(0, shift)).op("i32x4.add");
}

/** Sets `target` to the table's values at four int16 arguments in an i32x4 local, as `interpolate` defines them. */
export function emitInterpolated(
  f: FunctionBuilder,
  constants: Local,
  table: number,
  argument: Local,
  target: Local,
): void {
  const [position, entries, first] = f.locals("v128", 3);
  f.get(argument);
  splat(f, 2 ** 15).op("i32x4.add").tee(position).i32(7).op("i32x4.shr_u").i32(1).op("i32x4.shl").set(first);
  for (let lane = 0; lane < 4; lane++) { // two neighbours at once
    f.get(constants).get(first).lane("i32x4.extract_lane", lane).op("i32.add");
    f.get(entries).memoryLane("v128.load32_lane", table, lane).set(entries);
  }
  f.get(entries).i32(16).op("i32x4.shl").i32(16).op("i32x4.shr_s").set(first);
  f.get(entries).i32(16).op("i32x4.shr_s").get(first).op("i32x4.sub");
  f.get(position);
  splat(f, 127).op("v128.and", "i32x4.mul");
  splat(f, 64).op("i32x4.add").i32(7).op("i32x4.shr_s").get(first).op("i32x4.add").set(target);
}

/** Pushes (r * v + 2^14) >> 15 as i32x4. */
export function emitScaled(f: FunctionBuilder, [r, v]: Product): FunctionBuilder {
  f.get(r).get(v).op("i32x4.mul");
  return splat(f, 2 ** 14).op("i32x4.add").i32(15).op("i32x4.shr_s");
}

/** Pushes 2^15 - z as i32x4. */
export function emitComplement(f: FunctionBuilder, z: Local): FunctionBuilder {
  return splat(f, 2 ** 15).get(z).op("i32x4.sub");
}

/**
 * Pushes c = sat16((f * c * 2^m + i * g + 2^(14+m)) >> (15+m)) as i32x4, m = 15 - stateBits: (f * c + 2^14 +
 * (i * g >> m)) >> 15 is the same, and an int32 since f and i are not negative.
 */
export function emitState(
  f: FunctionBuilder,
  stateBits: number,
  [forget, cell]: Product,
  [input, candidate]: Product,
): void {
  f.get(forget).get(cell).op("i32x4.mul");
  splat(f, 2 ** 14).op("i32x4.add");
  f.get(input).get(candidate).op("i32x4.mul").i32(15 - stateBits).op("i32x4.shr_s", "i32x4.add");
  emitSaturated(f.i32(15).op("i32x4.shr_s"));
}

/** Pushes the cell state, an i32x4 local, in Q3.12: sat16(n <= 12 ? c << (12-n) : (c + 2^(n-13)) >> (n-12)). */
export function emitCellArgument(f: FunctionBuilder, { cellBits }: LstmProblem, cell: Local): void {
  f.get(cell);
  if (cellBits > 12) splat(f, 2 ** (cellBits - 13)).op("i32x4.add").i32(cellBits - 12).op("i32x4.shr_s");
  else if (cellBits < 12) emitSaturated(f.i32(12 - cellBits).op("i32x4.shl"));
}
