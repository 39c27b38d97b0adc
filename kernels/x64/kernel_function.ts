import { Assembler } from "./assembler.ts";
import {
  type GeneralRegister,
  k,
  low32,
  type MaskRegister,
  memory,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r8,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from "./operands.ts";

export type Pointer = GeneralRegister<64>;

/** Registers that belong to the caller (System V ABI, figure 3.4). */
const PRESERVED = [rbx, rbp, r12, r13, r14, r15];
/** Constants, scratch, output and inputs of a native kernel. */
export const PARAMETERS: readonly Pointer[] = [rdi, rsi, rdx, rcx, r8, r9];
const FREE_AT_FIRST = [r10, r11, ...PRESERVED];

/** The mask of the lower half of every 64-bit element, which every function has. */
export const EVEN_WORDS: MaskRegister = k(2);

/** Inputs of a native kernel that registers hold; the others lie on the stack. */
export const REGISTER_INPUTS = PARAMETERS.length - 3;
/** Between the stack pointer and the first parameter on the stack: registers that were pushed, the return address. */
const STACK_PARAMETERS = 8 * (PRESERVED.length + 1);

/**
 * The body of a native kernel under construction: an assembler, its parameters, and general registers to take. rax is
 * clobbered by masks and loops.
 */
export class KernelFunction {
  readonly code: Assembler = new Assembler();
  readonly constants: Pointer;
  readonly scratch: Pointer;
  readonly output: Pointer;
  /** The first `REGISTER_INPUTS` of them. */
  readonly inputs: readonly Pointer[];
  readonly #free: Pointer[];
  /** Counters of loops that found no free register. */
  #onStack = 0;

  constructor(inputs: number) {
    [this.constants, this.scratch, this.output] = PARAMETERS;
    this.inputs = PARAMETERS.slice(3, 3 + inputs);
    this.#free = [...FREE_AT_FIRST, ...PARAMETERS.slice(3 + inputs)];
    for (const register of PRESERVED) this.code.emit("push", register);
    this.mask(EVEN_WORDS, 0x5555);
  }

  /**
   * A free register.
   * @throws RangeError when none is left.
   */
  take(): Pointer {
    const register = this.#free.pop();
    if (register === undefined) throw new RangeError("a native kernel needs more than the general registers");
    return register;
  }

  /** Frees a register that was taken, or a parameter that is not read any more. */
  free(...registers: Pointer[]): this {
    this.#free.push(...registers);
    return this;
  }

  set(register: Pointer, value: Pointer): this {
    if (register !== value) this.code.emit("mov", register, value);
    return this;
  }

  /** Sets a register to the address of an input, the stack's included. Registers of inputs must not have changed. */
  setToInput(register: Pointer, input: number): this {
    if (input < REGISTER_INPUTS) return this.set(register, this.inputs[input]);
    const offset = STACK_PARAMETERS + 8 * (this.#onStack + input - REGISTER_INPUTS);
    this.code.emit("mov", register, memory(rsp, offset));
    return this;
  }

  advance(register: Pointer, bytes: number): this {
    if (bytes !== 0) this.code.emit("add", register, bytes);
    return this;
  }

  /** Runs `body` `count` times; code without a loop for one. The counter is on the stack where no register is free. */
  repeat(count: number, body: () => void): this {
    if (count < 1) return this;
    if (count === 1) {
      body();
      return this;
    }
    if (this.#free.length === 0) return this.#repeatOnStack(count, body);
    const counter = this.take();
    this.code.emit("mov", counter, count);
    return this.countDown(counter, body).free(counter);
  }

  #repeatOnStack(count: number, body: () => void): this {
    this.code.emit("mov", rax, count).emit("push", rax);
    this.#onStack++;
    const start = this.code.label();
    this.code.bind(start);
    body();
    this.code.emit("mov", rax, memory(rsp)).emit("sub", rax, 1).emit("mov", memory(rsp), rax).emit("jne", start);
    this.#onStack--;
    this.code.emit("pop", rax);
    return this;
  }

  /** Runs `body` as often as the counter, which is at least 1, says; the counter ends as 0. */
  countDown(counter: Pointer, body: () => void): this {
    const start = this.code.label();
    this.code.bind(start);
    body();
    this.code.emit("sub", counter, 1).emit("jne", start);
    return this;
  }

  /** Sets a mask of at most 16 elements. */
  mask(register: MaskRegister, bits: number): this {
    this.code.emit("mov", low32(rax), bits).emit("kmovw", register, low32(rax));
    return this;
  }

  /** Sets a mask of the first `elements` (less than 64) elements of a vector of any size. */
  firstElements(register: MaskRegister, elements: number): this {
    this.code.emit("mov", rax, BigInt.asIntN(64, (1n << BigInt(elements)) - 1n)).emit("kmovq", register, rax);
    return this;
  }

  /** The whole function. */
  finish(): Uint8Array {
    this.code.emit("vzeroupper");
    for (const register of PRESERVED.toReversed()) this.code.emit("pop", register);
    return this.code.emit("ret").finish();
  }
}
