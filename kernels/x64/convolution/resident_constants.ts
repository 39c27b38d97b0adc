import type { KernelFunction } from "../kernel_function.ts";
import type { Memory, VectorRegister } from "../operands.ts";

function loadOf(source: Memory): "vpbroadcastd" | "vmovdqu32" {
  return source.broadcast ? "vpbroadcastd" : "vmovdqu32";
}

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
    return this.register(key, source);
  }

  /**
   * The constant in a register, which there has to be.
   * @throws RangeError when none is free.
   */
  register(
    key: string,
    source: Memory,
    load: "vpbroadcastd" | "vmovdqu32" | "vpmovzxbd" = loadOf(source),
  ): VectorRegister {
    const known = this.#registers.get(key);
    if (known !== undefined) return known;
    const register = this.free.pop();
    if (register === undefined) throw new RangeError(`no register is free for ${key}`);
    this.f.code.emit(load, register, { ...source, broadcast: undefined });
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
