import protobuf from "protobufjs/minimal.js";
import { inputError } from "../format/error.ts";
import {
  type Field,
  type MessageName,
  MESSAGES,
  type Messages,
  type ModelProto,
  type ScalarType,
  type TensorProto,
} from "./messages.ts";

/** A message to write: fields may be left out, and integers may be numbers. */
export type Plain<T> = T extends bigint ? bigint | number
  : T extends string | number | Uint8Array | undefined ? T
  : T extends readonly (infer E)[] ? readonly Plain<E>[]
  : { readonly [K in keyof T]?: Plain<T[K]> };

type Message = Record<string, unknown>;

/** Subgraphs nest four messages a level; no model comes near this. */
const MAX_DEPTH = 100;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const WIRE_TYPES: Readonly<Record<ScalarType, number>> = {
  int32: VARINT,
  int64: VARINT,
  uint64: VARINT,
  float: FIXED32,
  double: FIXED64,
  string: LENGTH_DELIMITED,
  bytes: LENGTH_DELIMITED,
};

/** Fields of every message by their number, with the name of the property they fill. */
const FIELDS_BY_ID = new Map(
  Object.entries(MESSAGES).map(([name, fields]) => [
    name,
    new Map(Object.entries<Field>(fields).map(([key, field]) => [field.id, { ...field, key }])),
  ]),
);

/**
 * Reads an ONNX file. `rawData` of tensors and other bytes are views into `bytes`, not copies.
 * @throws DyadError when the bytes are no ONNX model, are cut off or are damaged.
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const model = decode(bytes, "Model", "an ONNX model");
  if (model.graph === undefined || model.irVersion === undefined) {
    throw inputError(
      `found ${bytes.length} bytes without ${model.graph === undefined ? "a graph" : "an IR version"}, ` +
        `expected an ONNX model (ModelProto); is this the right file, and complete?`,
    );
  }
  return model;
}

/** Reads a file with one tensor, as the ONNX test suites keep inputs and outputs. Throws as `decodeModel` does. */
export function decodeTensor(bytes: Uint8Array): TensorProto {
  return decode(bytes, "Tensor", "an ONNX tensor");
}

/** The bytes of an ONNX file that holds `model`. */
export function encodeModel(model: Plain<ModelProto>): Uint8Array {
  return encode("Model", model);
}

/** The bytes of a file with one tensor. */
export function encodeTensor(tensor: Plain<TensorProto>): Uint8Array {
  return encode("Tensor", tensor);
}

/**
 * An int64 of the file as a number.
 * @throws DyadError naming `what` when a number cannot hold it exactly.
 */
export function exactInteger(value: bigint, what: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw inputError(`${what} is ${value}, expected an integer of at most 53 bits`);
  }
  return number;
}

function decode<M extends MessageName>(bytes: Uint8Array, name: M, expected: string): Messages[M] {
  // A plain view: from a node Buffer the library would make Buffers, whose subarrays behave unlike Uint8Array's.
  const reader = new protobuf.Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const message = decodeMessage(reader, reader.len, name, newMessage(name), 0);
    return message as unknown as Messages[M]; // the table of fields has the interface's keys and alone fills it
  } catch (error) {
    throw inputError(
      `the ${bytes.length} bytes are not ${expected}, or are cut off or damaged, at byte ${reader.pos}: ` +
        `${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function newMessage(name: MessageName): Message {
  const message: Message = {};
  for (const [key, field] of Object.entries<Field>(MESSAGES[name])) if (field.repeated) message[key] = [];
  return message;
}

/** Fills `message` from the bytes up to `end`. A message field that occurs twice is merged, as protobuf demands. */
function decodeMessage(
  reader: protobuf.Reader,
  end: number,
  name: MessageName,
  message: Message,
  depth: number,
): Message {
  if (depth > MAX_DEPTH) throw new Error(`messages nest deeper than ${MAX_DEPTH}`);
  if (end > reader.len) throw new Error(`a message ends at byte ${end} of ${reader.len}`);
  const fields = FIELDS_BY_ID.get(name)!;
  while (reader.pos < end) {
    const tag = reader.uint32();
    const wireType = tag & 7;
    const field = fields.get(tag >>> 3);
    if (field === undefined) {
      reader.skipType(wireType, depth, tag >>> 3);
      continue;
    }
    const { key, type, repeated } = field;
    if (isScalar(type)) {
      if (repeated && wireType === LENGTH_DELIMITED && WIRE_TYPES[type] !== LENGTH_DELIMITED) {
        decodePacked(reader, type, message[key] as unknown[]);
        continue;
      }
      if (wireType !== WIRE_TYPES[type]) throw new Error(`${name}.${key} has wire type ${wireType}`);
      const value = readScalar(reader, type);
      if (repeated) (message[key] as unknown[]).push(value);
      else message[key] = value;
      continue;
    }
    if (wireType !== LENGTH_DELIMITED) throw new Error(`${name}.${key} has wire type ${wireType}`);
    const length = reader.uint32();
    const start = repeated ? undefined : message[key] as Message | undefined;
    const value = decodeMessage(reader, reader.pos + length, type, start ?? newMessage(type), depth + 1);
    if (repeated) (message[key] as unknown[]).push(value);
    else message[key] = value;
  }
  if (reader.pos !== end) throw new Error(`${name} runs past its end at byte ${end}`);
  return message;
}

function decodePacked(reader: protobuf.Reader, type: ScalarType, values: unknown[]): void {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new Error(`packed values end at byte ${end} of ${reader.len}`);
  while (reader.pos < end) values.push(readScalar(reader, type));
  if (reader.pos !== end) throw new Error(`packed values run past their end at byte ${end}`);
}

function readScalar(reader: protobuf.Reader, type: ScalarType): unknown {
  switch (type) {
    case "int32":
      return reader.int32();
    case "int64":
      return toBigInt(reader.int64(), false);
    case "uint64":
      return toBigInt(reader.uint64(), true);
    case "float":
      return reader.float();
    case "double":
      return reader.double();
    case "string":
      return reader.string();
    case "bytes": {
      const length = reader.uint32();
      if (reader.pos + length > reader.len) throw new Error(`${length} bytes end past byte ${reader.len}`);
      reader.pos += length;
      return reader.buf.subarray(reader.pos - length, reader.pos);
    }
  }
}

/** The library gives a Long, two halves of 32 bits. */
function toBigInt(value: ReturnType<protobuf.Reader["int64"]>, unsigned: boolean): bigint {
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return unsigned ? bits : BigInt.asIntN(64, bits);
}

function encode(name: MessageName, message: object): Uint8Array {
  const writer = new protobuf.Writer();
  encodeMessage(writer, name, message as Message);
  return writer.finish();
}

function encodeMessage(writer: protobuf.Writer, name: MessageName, message: Message): void {
  for (const [key, { id, type, repeated }] of Object.entries<Field>(MESSAGES[name])) {
    const value = message[key];
    if (value === undefined) continue;
    if (repeated === "packed" && isScalar(type)) {
      if ((value as unknown[]).length === 0) continue;
      writer.uint32(id << 3 | LENGTH_DELIMITED).fork();
      for (const element of value as unknown[]) writeScalar(writer, type, element);
      writer.ldelim();
      continue;
    }
    for (const element of repeated ? value as unknown[] : [value]) {
      if (isScalar(type)) {
        writer.uint32(id << 3 | WIRE_TYPES[type]);
        writeScalar(writer, type, element);
      } else {
        writer.uint32(id << 3 | LENGTH_DELIMITED).fork();
        encodeMessage(writer, type, element as Message);
        writer.ldelim();
      }
    }
  }
}

function writeScalar(writer: protobuf.Writer, type: ScalarType, value: unknown): void {
  switch (type) {
    case "int32":
      writer.int32(value as number);
      break;
    case "int64":
      writer.int64(String(value));
      break;
    case "uint64":
      writer.uint64(String(value));
      break;
    case "float":
      writer.float(value as number);
      break;
    case "double":
      writer.double(value as number);
      break;
    case "string":
      writer.string(value as string);
      break;
    case "bytes":
      writer.bytes(value as Uint8Array);
      break;
  }
}

function isScalar(type: Field["type"]): type is ScalarType {
  return Object.hasOwn(WIRE_TYPES, type);
}
