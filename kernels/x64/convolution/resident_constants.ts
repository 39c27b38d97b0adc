import type { KernelFunction } from "../kernel_function.ts";
import type { Memory, VectorRegister } from "../operands.ts";

/** Registers that hold constants as soon as they are free; until then constants are read from memory. */
export class ResidentConstants {
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
