import { FunctionBuilder } from "./function_builder.ts";
import { unsignedLeb128 } from "./leb128.ts";
import { VALUE_TYPES, type ValueType } from "./opcodes.ts";

export interface FunctionSignature {
  readonly parameters: readonly ValueType[];
  readonly results?: readonly ValueType[];
}

const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_TYPE = 0x60;
const FUNCTION_EXPORT = 0x00;
const MEMORY_IMPORT = 0x02;
/** Limits of memories. */
const MINIMUM = 0x00;
const SHARED_WITH_MAXIMUM = 0x03;
const FUNCTION_NAMES = 1;

/**
 * A WebAssembly module under construction. It imports one memory, "env"."memory", of at least `minimumPages` pages of
 * 64 KiB, and holds functions. A shared memory, which Workers have too, is of exactly so many. A function equal to an earlier one (same signature, same bytes) is not added again.
 */
export class ModuleBuilder {
  readonly #types: number[][] = [];
  readonly #functions: { name: string; type: number; body: number[] }[] = [];
  readonly #indexByBytes = new Map<string, number>();
  readonly #exports = new Map<string, number>();

  constructor(readonly minimumPages: number = 1, readonly isShared: boolean = false) {}

  get functionCount(): number {
    return this.#functions.length;
  }

  /** Builds a function and returns its index. `name` is for people: it goes into the name section. */
  addFunction(name: string, signature: FunctionSignature, build: (f: FunctionBuilder) => void): number {
    const builder = new FunctionBuilder(signature.parameters);
    build(builder);
    const type = this.#typeIndex(signature);
    const body = builder.toBytes();
    const bytes = `${type}:${body.join()}`;
    const known = this.#indexByBytes.get(bytes);
    if (known !== undefined) return known;
    this.#functions.push({ name, type, body });
    this.#indexByBytes.set(bytes, this.#functions.length - 1);
    return this.#functions.length - 1;
  }

  /** @throws RangeError for a function that does not exist or an export name in use. */
  export(name: string, functionIndex: number): void {
    if (functionIndex < 0 || functionIndex >= this.#functions.length) {
      throw new RangeError(`export "${name}": no function ${functionIndex} among ${this.#functions.length}`);
    }
    if (this.#exports.has(name)) throw new RangeError(`export "${name}" is declared twice`);
    this.#exports.set(name, functionIndex);
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const pages = unsignedLeb128(this.minimumPages);
    const limits = this.isShared ? [SHARED_WITH_MAXIMUM, ...pages, ...pages] : [MINIMUM, ...pages];
    const memory = [...text("env"), ...text("memory"), MEMORY_IMPORT, ...limits];
    const exports = [...this.#exports].map(([name, index]) => [
      ...text(name),
      FUNCTION_EXPORT,
      ...unsignedLeb128(index),
    ]);
    const names = vector(this.#functions.map(({ name }, index) => [...unsignedLeb128(index), ...text(name)]));
    return Uint8Array.from(
      [
        MAGIC_AND_VERSION,
        section(SECTION.type, vector(this.#types)),
        section(SECTION.import, vector([memory])),
        section(SECTION.function, vector(this.#functions.map(({ type }) => unsignedLeb128(type)))),
        section(SECTION.export, vector(exports)),
        section(SECTION.code, vector(this.#functions.map(({ body }) => sized(body)))),
        section(SECTION.custom, [...text("name"), FUNCTION_NAMES, ...sized(names)]),
      ].flat(),
    );
  }

  #typeIndex({ parameters, results = [] }: FunctionSignature): number {
    const type = [
      FUNCTION_TYPE,
      ...vector(parameters.map((t) => [VALUE_TYPES[t]])),
      ...vector(results.map((t) => [VALUE_TYPES[t]])),
    ];
    const known = this.#types.findIndex((other) => other.join() === type.join());
    if (known >= 0) return known;
    this.#types.push(type);
    return this.#types.length - 1;
  }
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)]);
}

function sized(bytes: number[]): number[] {
  return [...unsignedLeb128(bytes.length), ...bytes];
}

function vector(items: number[][]): number[] {
  return [...unsignedLeb128(items.length), ...items.flat()];
}

function section(id: number, content: number[]): number[] {
  return [id, ...sized(content)];
}
