import type { ChannelRequantization } from "../../../lib/arith/problem.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { broadcast, k, masked, type Memory, type VectorRegister } from "../operands.ts";
import { channelOperands, emitStore, limitOperands } from "../requantization.ts";

/** With shifts from here on a 64-bit product of int32, shifted, is an int32. */
const SHIFT_MIN = 31;

/** The upper half of every 64-bit element. */
export const ODD_ELEMENTS = k(4);
/** For `vpshufd`: of each pair of 32-bit elements the lower one, in both places. */
export const LOWER_TO_UPPER = 0b10_10_00_00;

/**
 * Whether all scales are below 1 and outputs are activations: then (acc b + 2^(c-1)) >> c is an int32, and clamps need no
 * 64 bits. The only thing about values that native code depends on.
 */
export function isNarrow({ dtype, shifts }: Pick<ChannelRequantization, "dtype" | "shifts">): boolean {
  return dtype !== "i32" && shifts.every((shift) => shift >= SHIFT_MIN);
}

/** Prepares `emitNarrow`, once before its tiles. */
export function emitOddMask(f: KernelFunction): void {
  f.mask(ODD_ELEMENTS, 0xaaaa);
}

/** Registers that hold constants as soon as they are free; until then constants are read from memory. */
class Residents {
  readonly #registers = new Map<string, VectorRegister>();

  constructor(
    readonly f: KernelFunction,
    readonly free: VectorRegister[],
  ) {}

  /** The constant to compute with; takes a register for it where more than `spare` are free. */
  operand(key: string, source: Memory, spare: number): VectorRegister | Memory {
    const known = this.#registers.get(key);
    if (known !== undefined || this.free.length <= spare) return known ?? source;
    const register = this.free.pop()!; // more than `spare` are free
    this.f.code.emit(source.broadcast ? "vpbroadcastd" : "vmovdqu32", register, { ...source, broadcast: undefined });
    this.#registers.set(key, register);
    return register;
  }

  /** Constants of one vector of channels are of no use to the next. */
  forget(prefix: string): void {
    for (const [key, register] of this.#registers) {
      if (!key.startsWith(prefix)) continue;
      this.free.push(register);
      this.#registers.delete(key);
    }
  }
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
  const residents = new Residents(f, free);
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
