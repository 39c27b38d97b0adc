import { signedLeb128, unsignedLeb128 } from "./leb128.ts";
import {
  EMPTY_BLOCK,
  type NameOf,
  type Opcode,
  type OpcodeName,
  OPCODES,
  VALUE_TYPES,
  type ValueType,
} from "./opcodes.ts";

/** A parameter or local variable of the function under construction. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

const BY_NAME = new Map<OpcodeName, Opcode>(OPCODES.map((opcode) => [opcode.name, opcode]));

/** Every access is emitted with alignment hint 1 (2^0): always legal, and a hint changes no result. */
const NO_ALIGNMENT_HINT = 0;

/**
 * The body of one function, instruction by instruction in stack order. Methods return the builder, so that a line of
 * calls reads as a line of code.
 */
export class FunctionBuilder {
  readonly parameters: readonly Local[];
  readonly #locals: ValueType[] = [];
  readonly #code: number[] = [];

  constructor(parameters: readonly ValueType[]) {
    this.parameters = parameters.map((type, index) => ({ index, type }));
  }

  /** A new local, initially zero. */
  local(type: ValueType): Local {
    this.#locals.push(type);
    return { index: this.parameters.length + this.#locals.length - 1, type };
  }

  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** Instructions without immediates, one after the other. */
  op(...names: NameOf<"none">[]): this {
    for (const name of names) this.#opcode(name);
    return this;
  }

  get(local: Local): this {
    return this.#opcode("local.get", ...unsignedLeb128(local.index));
  }

  set(local: Local): this {
    return this.#opcode("local.set", ...unsignedLeb128(local.index));
  }

  tee(local: Local): this {
    return this.#opcode("local.tee", ...unsignedLeb128(local.index));
  }

  i32(value: number): this {
    return this.#opcode("i32.const", ...signedLeb128(BigInt(value | 0)));
  }

  i64(value: bigint): this {
    return this.#opcode("i64.const", ...signedLeb128(BigInt.asIntN(64, value)));
  }

  f32(value: number): this {
    return this.#opcode("f32.const", ...new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A constant vector, given as its sixteen bytes in any typed array. */
  v128(lanes: ArrayBufferView): this {
    if (lanes.byteLength !== 16) throw new RangeError(`a v128 constant has 16 bytes, found ${lanes.byteLength}`);
    return this.#opcode("v128.const", ...new Uint8Array(lanes.buffer, lanes.byteOffset, 16));
  }

  /** A load or store at the address on the stack plus `offset` bytes. */
  memory(name: NameOf<"memory">, offset: number = 0): this {
    return this.#opcode(name, NO_ALIGNMENT_HINT, ...unsignedLeb128(offset));
  }

  memoryLane(name: NameOf<"memory_lane">, offset: number, lane: number): this {
    return this.#opcode(name, NO_ALIGNMENT_HINT, ...unsignedLeb128(offset), lane);
  }

  lane(name: NameOf<"lane">, lane: number): this {
    return this.#opcode(name, lane);
  }

  /** Selects sixteen bytes of the two vectors on the stack: 0..15 of the first, 16..31 of the second. */
  shuffle(lanes: readonly number[]): this {
    if (lanes.length !== 16) throw new RangeError(`a shuffle names 16 lanes, found ${lanes.length}`);
    return this.#opcode("i8x16.shuffle", ...lanes);
  }

  call(functionIndex: number): this {
    return this.#opcode("call", ...unsignedLeb128(functionIndex));
  }

  block(body: () => void): this {
    return this.#structured("block", body);
  }

  loop(body: () => void): this {
    return this.#structured("loop", body);
  }

  /** Runs `body` when the i32 on the stack is not 0, `otherwise` when it is. */
  if(body: () => void, otherwise?: () => void): this {
    this.#opcode("if", EMPTY_BLOCK);
    body();
    if (otherwise !== undefined) {
      this.op("else");
      otherwise();
    }
    return this.op("end");
  }

  branch(depth: number): this {
    return this.#opcode("br", ...unsignedLeb128(depth));
  }

  branchIf(depth: number): this {
    return this.#opcode("br_if", ...unsignedLeb128(depth));
  }

  /** local += bytes; nothing for 0. */
  advance(local: Local, bytes: number): this {
    return bytes === 0 ? this : this.get(local).i32(bytes).op("i32.add").set(local);
  }

  /** `body`, `count` times: inline for 1, a counted loop for more, nothing for 0. */
  repeat(count: number, body: () => void): this {
    if (count === 1) body();
    if (count <= 1) return this;
    const counter = this.local("i32");
    return this.i32(count).set(counter).#countDown(counter, body);
  }

  /** `body` as many times as the i32 on the stack says, which may be 0. */
  repeatDynamic(body: () => void): this {
    const counter = this.local("i32");
    return this.tee(counter).if(() => this.#countDown(counter, body));
  }

  #countDown(counter: Local, body: () => void): this {
    return this.loop(() => {
      body();
      this.get(counter).i32(1).op("i32.sub").tee(counter).branchIf(0);
    });
  }

  #structured(name: "block" | "loop", body: () => void): this {
    this.#opcode(name, EMPTY_BLOCK);
    body();
    return this.op("end");
  }

  #opcode(name: OpcodeName, ...immediates: number[]): this {
    const opcode = BY_NAME.get(name);
    if (opcode === undefined) throw new RangeError(`no WebAssembly instruction ${name}`);
    if (opcode.prefix === 0) this.#code.push(opcode.code);
    else this.#code.push(opcode.prefix, ...unsignedLeb128(opcode.code));
    for (const byte of immediates) this.#code.push(byte);
    return this;
  }

  /** The function as the code section holds it: locals in runs of one type, instructions, `end`. */
  toBytes(): number[] {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const bytes = unsignedLeb128(runs.length);
    for (const { type, count } of runs) bytes.push(...unsignedLeb128(count), VALUE_TYPES[type]);
    for (const byte of this.#code) bytes.push(byte);
    bytes.push(BY_NAME.get("end")!.code);
    return bytes;
  }
}
