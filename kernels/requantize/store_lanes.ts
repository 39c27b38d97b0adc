import { STORED_RANGE } from "../../lib/arith/bounds.ts";
import type { IntegerDType, OutputRange } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** base + offset bytes. */
export interface Address {
  readonly base: Local;
  readonly offset: number;
}

/** All values of a dtype: a clamp to it is no clamp. */
export function fullRange(dtype: IntegerDType): OutputRange {
  return { dtype, zeroPoint: 0, ...STORED_RANGE[dtype] };
}

/** Pushes four consecutive elements as i32x4. Reads up to 16 bytes. */
export function emitLoadLanes(f: FunctionBuilder, dtype: IntegerDType, { base, offset }: Address): void {
  f.get(base);
  if (dtype === "i32") f.memory("v128.load", offset);
  else if (dtype === "u16") f.memory("v128.load16x4_u", offset);
  else f.memory("v128.load32_zero", offset).op("i16x8.extend_low_i8x16_u", "i32x4.extend_low_i16x8_u");
}

/**
 * Clamps the i32x4 `vectors` to the range, narrows them to its dtype and stores the first `lanes` elements, and not a
 * byte more.
 */
export function emitStoreLanes(
  f: FunctionBuilder,
  vectors: readonly Local[],
  output: OutputRange,
  lanes: number,
  { base, offset }: Address,
): void {
  const bytes = bytesOf(output.dtype);
  const perStore = 16 / bytes;
  const packed = f.local("v128");
  for (let first = 0; first < lanes; first += perStore) {
    const group = vectors.slice(first / 4, first / 4 + perStore / 4);
    emitPacked(f, group, output);
    f.set(packed);
    emitStoreBytes(f, packed, Math.min(lanes - first, perStore) * bytes, { base, offset: offset + first * bytes });
  }
}

/** Pushes up to 16 bytes of clamped elements. Narrowing saturates, so the limits of the dtype need no clamp. */
function emitPacked(f: FunctionBuilder, group: readonly Local[], { dtype, low, high }: OutputRange): void {
  const pair = (a: Local, b: Local | undefined): FunctionBuilder => f.get(a).get(b ?? a);
  const { low: lowest, high: highest } = STORED_RANGE[dtype];
  if (dtype === "i32") {
    f.get(group[0]);
    if (low > lowest) f.v128(new Int32Array(4).fill(low)).op("i32x4.max_s");
    if (high < highest) f.v128(new Int32Array(4).fill(high)).op("i32x4.min_s");
  } else if (dtype === "u16") {
    pair(group[0], group[1]).op("i16x8.narrow_i32x4_u");
    if (low > lowest) f.v128(new Uint16Array(8).fill(low)).op("i16x8.max_u");
    if (high < highest) f.v128(new Uint16Array(8).fill(high)).op("i16x8.min_u");
  } else {
    // Saturating to int16 first keeps the order, so the second saturation to 0..255 is that of the int32 value.
    pair(group[0], group[1]).op("i16x8.narrow_i32x4_s");
    pair(group[2] ?? group[0], group[3] ?? group[1]).op("i16x8.narrow_i32x4_s", "i8x16.narrow_i16x8_u");
    if (low > lowest) f.v128(new Uint8Array(16).fill(low)).op("i8x16.max_u");
    if (high < highest) f.v128(new Uint8Array(16).fill(high)).op("i8x16.min_u");
  }
}

/** Stores the first `count` bytes of a vector: whole, or as the pieces of 8, 4, 2 and 1 bytes that make up the count. */
export function emitStoreBytes(f: FunctionBuilder, vector: Local, count: number, { base, offset }: Address): void {
  if (count === 16) {
    f.get(base).get(vector).memory("v128.store", offset);
    return;
  }
  let done = 0;
  for (const piece of [8, 4, 2, 1] as const) {
    if ((count & piece) === 0) continue;
    f.get(base).get(vector).memoryLane(STORE_LANE[piece], offset + done, done / piece);
    done += piece;
  }
}

const STORE_LANE = {
  8: "v128.store64_lane",
  4: "v128.store32_lane",
  2: "v128.store16_lane",
  1: "v128.store8_lane",
} as const;

/** Stores an i64 local as element number `element` after the address. */
export function emitStoreScalar(
  f: FunctionBuilder,
  value: Local,
  dtype: IntegerDType,
  { base, offset, element }: Address & { readonly element: number },
): void {
  const store = { u8: "i64.store8", u16: "i64.store16", i32: "i64.store32" } as const;
  f.get(base).get(value).memory(store[dtype], offset + element * bytesOf(dtype));
}
