import type { IntegerDType, OutputRange } from "../../lib/arith/problem.ts";
import type { KernelFunction, Pointer } from "./kernel_function.ts";
import { EVEN_WORDS } from "./kernel_function.ts";
import { broadcast, k, masked, type MaskRegister, type Memory, memory, type VectorRegister } from "./operands.ts";

/**
 * The last part of every requantization, on sixteen 64-bit sums v that hold the rounding constant 2^(c-1):
 *
 *     q = clamp(v >> c, low - Z, high - Z) + Z
 *
 * Everything before the last addition is exact in 64 bits, so nothing has to be proven of v. Sums lie in two vectors, those
 * of even and of odd elements, as `vpmuldq` makes them.
 */
export interface SumPair {
  readonly even: VectorRegister;
  readonly odd: VectorRegister;
}

/** Limits in constants: lowest and highest sum before the zero point (int64), the zero point (int32). */
const LOWEST = 0;
const HIGHEST = 8;
const ZERO_POINT = 16;
export const LIMITS_BYTES = 64;

export function writeLimits(view: DataView, position: number, { zeroPoint, low, high }: OutputRange): void {
  view.setBigInt64(position + LOWEST, BigInt(low) - BigInt(zeroPoint), true);
  view.setBigInt64(position + HIGHEST, BigInt(high) - BigInt(zeroPoint), true);
  view.setInt32(position + ZERO_POINT, zeroPoint, true);
}

/** 2^(c-1), and 0 for c = 0. */
export function roundingConstant(shift: number): bigint {
  return shift === 0 ? 0n : 1n << BigInt(shift - 1);
}

/** Clamps shifted sums and adds the zero point: `odd` becomes the sixteen int32 results, in order. */
export function emitLimits(f: KernelFunction, { even, odd }: SumPair, base: Pointer, limits: number): void {
  const lowest = broadcast(memory(base, limits + LOWEST));
  const highest = broadcast(memory(base, limits + HIGHEST));
  for (const sums of [even, odd]) {
    f.code.emit("vpmaxsq", sums, sums, lowest).emit("vpminsq", sums, sums, highest);
  }
  f.code.emit("vpsllq", odd, odd, 32).emit("vmovdqu32", masked(odd, EVEN_WORDS), even);
  f.code.emit("vpaddd", odd, odd, broadcast(memory(base, limits + ZERO_POINT)));
}

/** Parameters of sixteen channels in constants, 64 bytes each for even and odd: multipliers, rounding constants, shifts. */
const MULTIPLIERS = 0;
const ROUNDINGS = 128;
const SHIFTS = 256;
export const CHANNEL_BYTES = 384;

/** Writes one channel's multiplier, shift and what is added before it, lane 0..15 of the parameters at `position`. */
export function writeChannel(
  view: DataView,
  position: number,
  lane: number,
  multiplier: number,
  shift: number,
  rounding: bigint = roundingConstant(shift),
): void {
  const at = position + wordPosition(lane);
  view.setBigInt64(at + MULTIPLIERS, BigInt(multiplier), true);
  view.setBigInt64(at + ROUNDINGS, rounding, true);
  view.setBigInt64(at + SHIFTS, BigInt(shift), true);
}

/** Byte position of element 0..15 in two vectors of 64-bit elements, even ones in the first. */
export function wordPosition(element: number): number {
  return 64 * (element & 1) + 8 * (element >> 1);
}

/** Where the parameters of sixteen channels lie, a vector for even and one for odd elements. */
export function channelOperands(base: Pointer, parameters: number) {
  const at = (what: number, parity: 0 | 1): Memory => memory(base, parameters + what + 64 * parity);
  return {
    evenMultipliers: at(MULTIPLIERS, 0),
    oddMultipliers: at(MULTIPLIERS, 1),
    evenRoundings: at(ROUNDINGS, 0),
    oddRoundings: at(ROUNDINGS, 1),
    evenShifts: at(SHIFTS, 0),
    oddShifts: at(SHIFTS, 1),
  };
}

/** The limits where they are int32: lowest and highest sum before the zero point, the zero point. */
export function limitOperands(base: Pointer, limits: number) {
  const at = (what: number): Memory => memory(base, limits + what);
  return { lowest: at(LOWEST), highest: at(HIGHEST), zeroPoint: at(ZERO_POINT) };
}

/** Requantizes sixteen int32 accumulators, each with parameters of its channel, in place. */
export function emitChannels(
  f: KernelFunction,
  accumulator: VectorRegister,
  temporary: VectorRegister,
  base: Pointer,
  parameters: number,
  limits: number,
): void {
  const at = (what: number, parity: 0 | 1) => memory(base, parameters + what + 64 * parity);
  f.code.emit("vpmuldq", temporary, accumulator, at(MULTIPLIERS, 0));
  f.code.emit("vpsrlq", accumulator, accumulator, 32).emit("vpmuldq", accumulator, accumulator, at(MULTIPLIERS, 1));
  f.code.emit("vpaddq", temporary, temporary, at(ROUNDINGS, 0));
  f.code.emit("vpaddq", accumulator, accumulator, at(ROUNDINGS, 1));
  f.code.emit("vpsravq", temporary, temporary, at(SHIFTS, 0));
  f.code.emit("vpsravq", accumulator, accumulator, at(SHIFTS, 1));
  emitLimits(f, { even: temporary, odd: accumulator }, base, limits);
}

/** Loads sixteen elements as int32. Reads 16 elements, whatever of them is used. */
export function emitLoad(
  f: KernelFunction,
  target: VectorRegister,
  dtype: IntegerDType,
  base: Pointer,
  offset: number,
): void {
  emitLoadFrom(f, target, dtype, memory(base, offset));
}

export function emitLoadFrom(f: KernelFunction, target: VectorRegister, dtype: IntegerDType, source: Memory): void {
  f.code.emit(({ u8: "vpmovzxbd", u16: "vpmovzxwd", i32: "vmovdqu32" } as const)[dtype], target, source);
}

const TAIL: MaskRegister = k(1);

/** Prepares stores of only the first `elements % 16` of a last vector. */
export function emitTailMask(f: KernelFunction, elements: number): void {
  if (elements % 16 > 0) f.mask(TAIL, 2 ** (elements % 16) - 1);
}

/** Stores the first `elements` (at most 16; fewer need `emitTailMask`) of sixteen int32 within the dtype, and not a byte more. */
export function emitStore(
  f: KernelFunction,
  source: VectorRegister,
  dtype: IntegerDType,
  elements: number,
  base: Pointer,
  offset: number,
): void {
  const target = memory(base, offset);
  const destination = elements < 16 ? masked(target, TAIL) : target;
  if (dtype === "i32") f.code.emit("vmovdqu32", destination, source);
  else f.code.emit(dtype === "u16" ? "vpmovdw" : "vpmovdb", destination, source);
}
