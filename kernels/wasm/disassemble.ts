import { ByteReader } from "./leb128.ts";
import {
  EMPTY_BLOCK,
  type Immediates,
  isPrefix,
  type Opcode,
  type OpcodeName,
  OPCODES,
  VALUE_TYPES,
  type ValueType,
} from "./opcodes.ts";

export interface Instruction {
  readonly name: OpcodeName;
  /** Of the opcode, in bytes from the start of the module. */
  readonly offset: number;
  /** Numbers, i64 constants as bigint, types by name, vectors as hexadecimal text (byte 0 first). */
  readonly immediates: readonly (number | bigint | string)[];
}

export interface DisassembledFunction {
  /** In the function index space: imported functions count first. */
  readonly index: number;
  /** From the name section, otherwise the export name, otherwise `function <index>`. */
  readonly name: string;
  readonly offset: number;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly instructions: readonly Instruction[];
}

export interface Disassembly {
  readonly functions: readonly DisassembledFunction[];
  readonly globals: readonly { readonly type: ValueType; readonly offset: number }[];
}

interface FunctionType {
  readonly parameters: ValueType[];
  readonly results: ValueType[];
}

const SECTION = { custom: 0, type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;
const FUNCTION_TYPE = 0x60;
const EXTERNAL = { function: 0, table: 1, memory: 2, global: 3 } as const;
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MEMORY_INDEX_FLAG = 0x40;

const BY_CODE = new Map<number, Opcode>(OPCODES.map((opcode) => [keyOf(opcode.prefix, opcode.code), opcode]));
const TYPE_NAMES = new Map<number, ValueType>(
  Object.entries(VALUE_TYPES).map(([name, byte]) => [byte, name as ValueType]),
);

function keyOf(prefix: number, code: number): number {
  return prefix * 0x10000 + code;
}

/**
 * Every function of a binary module, instruction by instruction.
 * @throws RangeError for anything that is not a module of known instructions, naming the byte offset.
 */
export function disassemble(bytes: Uint8Array): Disassembly {
  const reader = new ByteReader(bytes);
  if (reader.take(Math.min(HEADER.length, bytes.length)).join() !== HEADER.join()) {
    throw new RangeError("not a WebAssembly module of version 1: it does not start with 00 61 73 6d 01 00 00 00");
  }
  const types: FunctionType[] = [];
  const signatures: FunctionType[] = []; // of every function, imported ones first
  const globals: { type: ValueType; offset: number }[] = [];
  const names = new Map<number, string>();
  const exported = new Map<number, string>();
  const bodies: { index: number; reader: ByteReader }[] = [];
  let imported = 0;

  while (!reader.done) {
    const id = reader.byte();
    const size = reader.unsigned();
    const start = reader.offset;
    reader.take(size);
    const content = new ByteReader(bytes, start, start + size);
    if (id === SECTION.type) types.push(...content.vector(() => readFunctionType(content)));
    else if (id === SECTION.import) {
      content.vector(() => readImport(content, types, signatures, globals));
      imported = signatures.length;
    } else if (id === SECTION.function) content.vector(() => signatures.push(typeAt(types, content)));
    else if (id === SECTION.global) content.vector(() => readGlobal(content, globals));
    else if (id === SECTION.export) content.vector(() => readExport(content, exported));
    else if (id === SECTION.code) {
      content.vector(() => {
        const length = content.unsigned();
        const body = new ByteReader(bytes, content.offset, content.offset + length);
        content.take(length);
        bodies.push({ index: imported + bodies.length, reader: body });
      });
    } else if (id === SECTION.custom && content.name() === "name") readNames(content, names);
  }

  const functions = bodies.map(({ index, reader: body }): DisassembledFunction => {
    const signature = signatures[index];
    if (signature === undefined) throw new RangeError(`a body at byte ${body.offset} of a function without a type`);
    const offset = body.offset;
    const locals = body.vector(() => ({ count: body.unsigned(), type: readValueType(body) }));
    return {
      index,
      name: names.get(index) ?? exported.get(index) ?? `function ${index}`,
      offset,
      ...signature,
      locals: locals.flatMap(({ count, type }) => new Array<ValueType>(count).fill(type)),
      instructions: readInstructions(body),
    };
  });
  return { functions, globals };
}

/** Something that an integer-only module must not have. */
export interface Forbidden {
  /** Name of the function, or `module` for a global. */
  readonly function: string;
  /** In bytes from the start of the module. */
  readonly offset: number;
  /** The instruction, or where the float type stands: `f32 local`, `f64 parameter`, `f32 result`, `f64 global`. */
  readonly what: string;
}

/**
 * Every float instruction, every float-typed parameter, result, local, block and global, and every integer division or
 * remainder of a module. Empty for an integer-only network without division.
 */
export function findForbidden(module: Uint8Array | Disassembly): Forbidden[] {
  const { functions, globals } = module instanceof Uint8Array ? disassemble(module) : module;
  const found: Forbidden[] = [];
  for (const { type, offset } of globals) {
    if (isFloatType(type)) found.push({ function: "module", offset, what: `${type} global` });
  }
  for (const { name, offset, parameters, results, locals, instructions } of functions) {
    const check = (types: readonly ValueType[], role: string): void => {
      for (const type of types) if (isFloatType(type)) found.push({ function: name, offset, what: `${type} ${role}` });
    };
    check(parameters, "parameter");
    check(results, "result");
    check(locals, "local");
    for (const instruction of instructions) {
      const typed = instruction.immediates.find((immediate) => immediate === "f32" || immediate === "f64");
      if (isForbiddenName(instruction.name)) {
        found.push({ function: name, offset: instruction.offset, what: instruction.name });
      } else if (typed !== undefined) {
        found.push({ function: name, offset: instruction.offset, what: `${instruction.name} of type ${typed}` });
      }
    }
  }
  return found;
}

/** Conversions carry the float type in their name too, so the name tells all. */
function isForbiddenName(name: string): boolean {
  return /f32|f64/.test(name) || /^i(32|64)\.(div|rem)_/.test(name);
}

function isFloatType(type: ValueType): boolean {
  return type === "f32" || type === "f64";
}

function readInstructions(reader: ByteReader): Instruction[] {
  const instructions: Instruction[] = [];
  while (!reader.done) instructions.push(readInstruction(reader));
  return instructions;
}

function readInstruction(reader: ByteReader): Instruction {
  const offset = reader.offset;
  const first = reader.byte();
  const opcode = isPrefix(first) ? BY_CODE.get(keyOf(first, reader.unsigned())) : BY_CODE.get(keyOf(0, first));
  if (opcode === undefined) {
    const found = [...reader.bytes.subarray(offset, reader.offset)].map((b) => b.toString(16).padStart(2, "0"));
    throw new RangeError(`unknown WebAssembly opcode ${found.join(" ")} at byte ${offset}`);
  }
  return { name: opcode.name, offset, immediates: READ_IMMEDIATES[opcode.immediates](reader) };
}

const READ_IMMEDIATES: Record<Immediates, (reader: ByteReader) => (number | bigint | string)[]> = {
  none: () => [],
  block_type: readBlockType,
  index: (reader) => [reader.unsigned()],
  index_pair: (reader) => [reader.unsigned(), reader.unsigned()],
  label_table: (reader) => [...reader.vector(() => reader.unsigned()), reader.unsigned()],
  value_types: (reader) => reader.vector(() => readValueType(reader)),
  heap_type: (reader) => [Number(reader.signed())],
  i32: (reader) => [Number(reader.signed())],
  i64: (reader) => [reader.signed()],
  f32: (reader) => [viewOf(reader.take(4)).getFloat32(0, true)],
  f64: (reader) => [viewOf(reader.take(8)).getFloat64(0, true)],
  v128: (reader) => [[...reader.take(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("")],
  memory: readMemoryOperand,
  memory_lane: (reader) => [...readMemoryOperand(reader), reader.byte()],
  lane: (reader) => [reader.byte()],
  shuffle: (reader) => [...reader.take(16)],
};

function readBlockType(reader: ByteReader): (number | string)[] {
  const byte = reader.peek();
  if (byte === EMPTY_BLOCK) {
    reader.byte();
    return [];
  }
  if (TYPE_NAMES.has(byte)) return [readValueType(reader)];
  return [Number(reader.signed())];
}

/** The offset, and the memory's index where it is not 0; the alignment is only a hint. */
function readMemoryOperand(reader: ByteReader): (number | bigint)[] {
  const flags = reader.unsigned();
  const memory = (flags & MEMORY_INDEX_FLAG) !== 0 ? [reader.unsigned()] : [];
  return [reader.unsigned(), ...memory];
}

function readValueType(reader: ByteReader): ValueType {
  const offset = reader.offset;
  const byte = reader.byte();
  const type = TYPE_NAMES.get(byte);
  if (type === undefined) throw new RangeError(`unknown value type 0x${byte.toString(16)} at byte ${offset}`);
  return type;
}

function readFunctionType(reader: ByteReader): FunctionType {
  const offset = reader.offset;
  const form = reader.byte();
  if (form !== FUNCTION_TYPE) throw new RangeError(`unknown kind of type 0x${form.toString(16)} at byte ${offset}`);
  return {
    parameters: reader.vector(() => readValueType(reader)),
    results: reader.vector(() => readValueType(reader)),
  };
}

function typeAt(types: readonly FunctionType[], reader: ByteReader): FunctionType {
  const index = reader.unsigned();
  const type = types[index];
  if (type === undefined) throw new RangeError(`no type ${index} among ${types.length}, before byte ${reader.offset}`);
  return type;
}

function readLimits(reader: ByteReader): void {
  const flags = reader.unsigned();
  reader.unsignedBig();
  if ((flags & 1) !== 0) reader.unsignedBig();
}

function readImport(
  reader: ByteReader,
  types: readonly FunctionType[],
  signatures: FunctionType[],
  globals: { type: ValueType; offset: number }[],
): void {
  reader.name();
  reader.name();
  const offset = reader.offset;
  const kind = reader.byte();
  if (kind === EXTERNAL.function) signatures.push(typeAt(types, reader));
  else if (kind === EXTERNAL.table) {
    readValueType(reader);
    readLimits(reader);
  } else if (kind === EXTERNAL.memory) readLimits(reader);
  else if (kind === EXTERNAL.global) {
    globals.push({ type: readValueType(reader), offset });
    reader.byte();
  } else throw new RangeError(`unknown kind of import 0x${kind.toString(16)} at byte ${offset}`);
}

function readGlobal(reader: ByteReader, globals: { type: ValueType; offset: number }[]): void {
  const offset = reader.offset;
  globals.push({ type: readValueType(reader), offset });
  reader.byte();
  while (readInstruction(reader).name !== "end");
}

function readExport(reader: ByteReader, exported: Map<number, string>): void {
  const name = reader.name();
  const kind = reader.byte();
  const index = reader.unsigned();
  if (kind === EXTERNAL.function) exported.set(index, name);
}

function readNames(reader: ByteReader, names: Map<number, string>): void {
  const functionNames = 1;
  while (!reader.done) {
    const id = reader.byte();
    const subsection = new ByteReader(reader.take(reader.unsigned()));
    if (id === functionNames) subsection.vector(() => names.set(subsection.unsigned(), subsection.name()));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
