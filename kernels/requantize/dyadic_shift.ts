import type { OutputRange } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { type Address, emitStoreScalar } from "./store_lanes.ts";

/**
 * The last part of every requantization, on 64-bit sums v of products, in vectors of two:
 *
 *     q = clamp(Z + ((v + 2^(c-1)) >> c), low, high)
 *
 * WebAssembly has an arithmetic 64-bit vector shift, but x86 before AVX-512 has not, and engines emulate it slowly. With
 * u = v + 2^(c-1) + 2^63 taken as unsigned, floor(v' / 2^c) = (u >>> c) - 2^(63-c), and the subtraction joins Z. That is
 * exact for every int64 v; only the low 32 bits are kept, so it needs a proof that the value before the clamp is an
 * int32 (`fitsInt32`). Without one, `emitExactLanes` clamps in 64 bits, lane by lane.
 */
const SIGN_BIT = 1n << 63n;

/** What is added to v before the shift: the rounding constant, and 2^63 where the value will be shifted as unsigned. */
export function roundingTerm(shift: number, proven: boolean): bigint {
  const half = shift === 0 ? 0n : 1n << BigInt(shift - 1);
  return BigInt.asIntN(64, proven ? half + SIGN_BIT : half);
}

/** The low 32 bits of Z - 2^(63-c). */
export function offsetTerm(zeroPoint: number, shift: number): number {
  return Number(BigInt.asIntN(32, BigInt(zeroPoint) - (1n << BigInt(63 - shift))));
}

/** Whether Z + round(v / 2^shift) is an int32 for every |v| <= magnitude. Float64 here, so with a margin. */
export function fitsInt32(magnitude: number, shift: number, zeroPoint: number): boolean {
  return magnitude / 2 ** shift + Math.abs(zeroPoint) < 2 ** 31 - 2 ** 10;
}

/** Pushes the shift count as an i32: one for all lanes, or one for each. */
export type ShiftCounts =
  | { readonly per: "vector"; readonly push: () => void }
  | { readonly per: "lane"; readonly push: (lane: number) => void };

const EVEN_WORDS_OF_BOTH = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const FIRST_OF_A_SECOND_OF_B = [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31];

/**
 * Pushes the i32x4 of (u >>> c) for four sums, `pushLow` pushing lanes 0 and 1 of u as i64x2, `pushHigh` lanes 2 and 3.
 * What remains is to add `offsetTerm`.
 */
export function emitShiftedWords(
  f: FunctionBuilder,
  pushLow: () => void,
  pushHigh: () => void,
  counts: ShiftCounts,
): void {
  if (counts.per === "vector") {
    for (const push of [pushLow, pushHigh]) {
      push();
      counts.push();
      f.op("i64x2.shr_u");
    }
  } else {
    const sums = f.local("v128");
    [pushLow, pushHigh].forEach((push, half) => {
      push();
      f.set(sums);
      for (const lane of [0, 1]) {
        f.get(sums);
        counts.push(2 * half + lane);
        f.op("i64x2.shr_u");
      }
      f.shuffle(FIRST_OF_A_SECOND_OF_B);
    });
  }
  f.shuffle(EVEN_WORDS_OF_BOTH);
}

/**
 * Shifts of 32 and more are shifts of high words, which are signed as they are: v >> c = (v >> 32) >> (c - 32). The count
 * that remains; undefined for smaller shifts.
 */
export function highWordsShift(shift: number): number | undefined {
  return shift >= 32 ? shift - 32 : undefined;
}

const ODD_WORDS_OF_BOTH = EVEN_WORDS_OF_BOTH.map((byte) => byte + 4);

/**
 * Pushes the i32x4 of (v' >> c) for four sums v' = v + 2^(c-1), `count` being `highWordsShift(c)`. What remains is to add
 * Z.
 */
export function emitShiftedHighWords(
  f: FunctionBuilder,
  pushLow: () => void,
  pushHigh: () => void,
  count: number,
): void {
  pushLow();
  pushHigh();
  f.shuffle(ODD_WORDS_OF_BOTH);
  if (count > 0) f.i32(count).op("i32x4.shr_s");
}

/**
 * Stores the first `lanes` results of four sums v + 2^(c-1), given as i64x2 locals, with the clamp in 64 bits:
 * clamp(v', low - Z, high - Z) + Z.
 */
export function emitExactLanes(
  f: FunctionBuilder,
  sums: readonly [Local, Local],
  counts: ShiftCounts,
  output: OutputRange,
  lanes: number,
  address: Address,
): void {
  const value = f.local("i64");
  for (let lane = 0; lane < lanes; lane++) {
    f.get(sums[lane >> 1]).lane("i64x2.extract_lane", lane & 1);
    counts.push(lane);
    f.op("i64.extend_i32_u", "i64.shr_s").set(value);
    emitClamp64(f, value, output);
    emitStoreScalar(f, value, output.dtype, { base: address.base, offset: address.offset, element: lane });
  }
}

function emitClamp64(f: FunctionBuilder, value: Local, { zeroPoint, low, high }: OutputRange): void {
  const lowest = BigInt(low) - BigInt(zeroPoint);
  const highest = BigInt(high) - BigInt(zeroPoint);
  f.get(value).i64(lowest).get(value).i64(lowest).op("i64.gt_s", "select").set(value);
  f.get(value).i64(highest).get(value).i64(highest).op("i64.lt_s", "select");
  f.i64(BigInt(zeroPoint)).op("i64.add").set(value);
}
