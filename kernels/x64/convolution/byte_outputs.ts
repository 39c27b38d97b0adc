import type { ChannelRequantization } from "../../../lib/arith/problem.ts";
import { EVEN_WORDS, type KernelFunction, type Pointer } from "../kernel_function.ts";
import {
  broadcast,
  k,
  masked,
  type MaskRegister,
  type Memory,
  memory,
  type VectorRegister,
  xmm,
  ymm,
} from "../operands.ts";
import { CHANNEL_BYTES, wordPosition } from "../requantization.ts";
import { ResidentConstants } from "./resident_constants.ts";

/**
 * Requantization to uint8 where all shifts c are between 33 and 53, as those of nearly all layers are. With p = acc b the
 * lower half of p + 2^(c-1) is that of p, so that 32 bits are enough behind the product:
 *
 *     ((p + 2^(c-1)) >> c) + Z = ((p >> 32) + 2^(c-33) + Z 2^(c-32)) >> (c - 32)
 *
 * On the right |p >> 32| <= 2^30 and the others are less than 2^20 and 2^29, so nothing overflows. Packing to bytes
 * saturates, which the limits 0 <= low <= high <= 255 hide.
 */
const SHIFT_MIN = 33;
const SHIFT_MAX = 53;

/** Whether `emitByteOutputs` computes these outputs. */
export function areBytes({ dtype, shifts }: Pick<ChannelRequantization, "dtype" | "shifts">): boolean {
  return dtype === "u8" && shifts.every((shift) => shift >= SHIFT_MIN && shift <= SHIFT_MAX);
}

/** Parameters of sixteen channels: multipliers as everywhere (even, odd), then what is added and shifts, in order. */
const EVEN_MULTIPLIERS = 0;
const ODD_MULTIPLIERS = 64;
const ADDENDS = 128;
const SHIFTS = 192;

/** Writes one channel's parameters, lane 0..15 of the `CHANNEL_BYTES` at `position`. */
export function writeByteChannel(
  view: DataView,
  position: number,
  lane: number,
  { multipliers, shifts, zeroPoint }: ChannelRequantization,
  channel: number,
): void {
  const shift = shifts[channel];
  view.setBigInt64(position + wordPosition(lane), BigInt(multipliers[channel]), true);
  view.setInt32(position + ADDENDS + 4 * lane, 2 ** (shift - 33) + zeroPoint * 2 ** (shift - 32), true);
  view.setInt32(position + SHIFTS + 4 * lane, shift - 32, true);
}

/** Limits: both as four bytes each, and the order into which dwords of packed vectors are brought, as bytes. */
const LOWEST = 0;
const HIGHEST = 4;
const ORDER = 16;

export function writeByteLimits(
  view: DataView,
  position: number,
  { low, high }: Pick<ChannelRequantization, "low" | "high">,
): void {
  for (let i = 0; i < 4; i++) {
    view.setUint8(position + LOWEST + i, low);
    view.setUint8(position + HIGHEST + i, high);
  }
  // Packing works in parts of 128 bits: dword 4 l + i holds elements 4 l .. 4 l + 3 of vector i.
  for (let i = 0; i < 16; i++) view.setUint8(position + ORDER + i, 4 * (i % 4) + (i >> 2));
}

/** Vectors that are packed together. */
const PACKED = 4;

/** The first channels of a block that do not fill its vectors. */
const TAIL: MaskRegister = k(5);

/** For `vpshufd`: of each pair of 32-bit elements the upper one, in both places. */
export const UPPER_TO_LOWER = 0b11_11_01_01;

/** Prepares `emitByteOutputs`, once before its tiles. */
export function emitByteMask(f: KernelFunction, channels: number): void {
  if (channels % 16 > 0) f.firstElements(TAIL, channels);
}

/** How values that only need packing are made of accumulators. */
export interface ByteValues {
  /** Registers that it takes. */
  readonly temporaries: number;
  /**
   * Turns sixteen accumulators into sixteen values, 32 bits each. `operand` gives a constant of this name, from memory or
   * from a register that holds it.
   * @returns the register of the values: the accumulators', or one of the temporaries, whose place those then take.
   */
  emit(
    accumulators: VectorRegister,
    temporaries: readonly VectorRegister[],
    vector: number,
    pixel: number,
    operand: (name: string, source: Memory) => VectorRegister | Memory,
  ): VectorRegister;
}

/** The values of a requantization by channels: `areBytes`. */
export function requantizedByteValues(f: KernelFunction, base: Pointer, parameters: number): ByteValues {
  return {
    temporaries: 1,
    emit(even, [odd], vector, _pixel, operand) {
      const of = (what: number): VectorRegister | Memory => {
        const offset = CHANNEL_BYTES * vector + what;
        return operand(`${offset}`, memory(base, parameters + offset));
      };
      f.code.emit("vpsrlq", odd, even, 32);
      f.code.emit("vpmuldq", even, even, of(EVEN_MULTIPLIERS)).emit("vpmuldq", odd, odd, of(ODD_MULTIPLIERS));
      f.code.emit("vpshufd", masked(odd, EVEN_WORDS), even, UPPER_TO_LOWER);
      f.code.emit("vpaddd", odd, odd, of(ADDENDS)).emit("vpsravd", odd, odd, of(SHIFTS));
      return odd;
    },
  };
}

/** Registers that limits and order take, for good, once the first values are packed. */
const PACKING_REGISTERS = 3;

/**
 * Makes values of a tile of one or two vectors of channels, `accumulators[vector][pixel]`, clamps them to bytes and stores
 * them. Clobbers accumulators and `temporaries`, four or more. Registers become free while it goes on, and hold constants
 * then.
 */
export function emitByteOutputs(
  f: KernelFunction,
  values: ByteValues,
  accumulators: readonly VectorRegister[][],
  temporaries: readonly VectorRegister[],
  base: Pointer,
  { channels, limits }: { readonly channels: number; readonly limits: number },
  output: Pointer,
  outputOffsets: readonly number[],
): void {
  const vectors = accumulators.length;
  const own = temporaries.slice(0, values.temporaries);
  const free = temporaries.slice(values.temporaries);
  const residents = new ResidentConstants(f, free);
  const limit = (what: number): Memory => broadcast(memory(base, limits + what));
  const pixelsAtOnce = PACKED / vectors;
  for (let pixel = 0; pixel < outputOffsets.length; pixel += pixelsAtOnce) {
    const offsets = outputOffsets.slice(pixel, pixel + pixelsAtOnce);
    // A constant is worth a register where it is read again.
    const isLast = pixel + pixelsAtOnce >= outputOffsets.length;
    const spare = isLast ? Infinity : pixel === 0 ? PACKING_REGISTERS : 0;
    const made = offsets.flatMap((_, i) =>
      accumulators.map((row, v) => {
        const accumulator = row[pixel + i];
        const value = values.emit(
          accumulator,
          own,
          v,
          pixel + i,
          (name, source) => residents.operand(name, source, spare),
        );
        if (own.includes(value)) own[own.indexOf(value)] = accumulator;
        return value;
      })
    );
    const [packed, second = packed, third = packed, fourth = third] = made;
    f.code.emit("vpackssdw", packed, packed, second);
    if (third !== packed) f.code.emit("vpackssdw", third, third, fourth);
    f.code.emit("vpackuswb", packed, packed, third);
    free.push(...made.slice(1));
    const lowest = residents.register("lowest", limit(LOWEST));
    const highest = residents.register("highest", limit(HIGHEST));
    const order = residents.register("order", memory(base, limits + ORDER), "vpmovzxbd");
    f.code.emit("vpmaxub", packed, packed, lowest).emit("vpminub", packed, packed, highest);
    f.code.emit("vpermt2d", packed, order, packed);
    offsets.forEach((offset, i) => {
      if (i > 0) f.code.emit("valignd", own[0], packed, packed, 4 * vectors * i);
      const bytes = (vectors === 1 ? xmm : ymm)((i > 0 ? own[0] : packed).number);
      const target = memory(output, offset);
      f.code.emit("vmovdqu8", channels % 16 > 0 ? masked(target, TAIL) : target, bytes);
    });
    free.push(packed);
  }
}
