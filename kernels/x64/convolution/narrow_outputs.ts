import type { ChannelRequantization } from "../../../lib/arith/problem.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { broadcast, k, masked, type Memory, type VectorRegister } from "../operands.ts";
import { channelOperands, emitStore, limitOperands } from "../requantization.ts";
import { ResidentConstants } from "./resident_constants.ts";

/** With shifts from here on a 64-bit product of int32, shifted, is an int32. */
const SHIFT_MIN = 31;

/** The upper half of every 64-bit element. */
export const ODD_ELEMENTS = k(4);
/** For `vpshufd`: of each pair of 32-bit elements the lower one, in both places. */
export const LOWER_TO_UPPER = 0b10_10_00_00;

/**
 * Whether all scales are below 1 and outputs are activations: then (acc b + 2^(c-1)) >> c is an int32, and clamps need no
 * 64 bits.
 */
export function isNarrow({ dtype, shifts }: Pick<ChannelRequantization, "dtype" | "shifts">): boolean {
  return dtype !== "i32" && shifts.every((shift) => shift >= SHIFT_MIN);
}

/** Prepares `emitNarrow`, once before its tiles. */
export function emitOddMask(f: KernelFunction): void {
  f.mask(ODD_ELEMENTS, 0xaaaa);
}

/**
 * Requantizes and stores the sums of a tile where `isNarrow`; `stores` are address and elements of each. Registers become
 * free one after the other, and hold constants then.
 */
export function emitNarrow(
  f: KernelFunction,
  dtype: "u8" | "u16",
  accumulators: readonly VectorRegister[][],
  temporaries: readonly VectorRegister[],
  base: Pointer,
  { parametersOf, limits }: { readonly parametersOf: (vector: number) => number; readonly limits: number },
  output: Pointer,
  storeOf: (vector: number, pixel: number) => { readonly offset: number; readonly elements: number },
): void {
  const [odd, ...free] = temporaries;
  const residents = new ResidentConstants(f, free);
  const { lowest, highest, zeroPoint } = limitOperands(base, limits);
  accumulators.forEach((row, v) => {
    const at = channelOperands(base, parametersOf(v));
    row.forEach((even, pixel) => {
      // A constant is worth a register where it is read again.
      const spare = pixel + 1 < row.length ? 0 : Infinity;
      const of = (name: keyof typeof at): VectorRegister | Memory =>
        residents.operand(`channel ${name}`, at[name], spare);
      const limit = (name: string, source: Memory): VectorRegister | Memory =>
        residents.operand(name, broadcast(source), spare);
      f.code.emit("vpsrlq", odd, even, 32);
      f.code.emit("vpmuldq", even, even, of("evenMultipliers")).emit("vpmuldq", odd, odd, of("oddMultipliers"));
      f.code.emit("vpaddq", even, even, of("evenRoundings")).emit("vpaddq", odd, odd, of("oddRoundings"));
      f.code.emit("vpsravq", even, even, of("evenShifts")).emit("vpsravq", odd, odd, of("oddShifts"));
      f.code.emit("vpshufd", masked(even, ODD_ELEMENTS), odd, LOWER_TO_UPPER);
      f.code.emit("vpmaxsd", even, even, limit("lowest", lowest)).emit(
        "vpminsd",
        even,
        even,
        limit("highest", highest),
      );
      f.code.emit("vpaddd", even, even, limit("zero point", zeroPoint));
      const { offset, elements } = storeOf(v, pixel);
      emitStore(f, even, dtype, elements, output, offset);
      free.push(even);
    });
    residents.forget("channel ");
  });
}
