import { bytesOf, bytesOfArray, type DType, viewBytes } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { briefJson } from "./brief_json.ts";
import { duplicateKey } from "./duplicate_key.ts";
import { elementCount } from "./element_count.ts";
import { type DyadError, inputError } from "./error.ts";

/**
 * The safetensors format (huggingface/safetensors, README "Format"): 8 bytes little-endian length L, L bytes of JSON
 * `{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {"key": "text"}}`, padded
 * with spaces, then the data; offsets count from the end of the header and cover it without holes or overlaps.
 */
const METADATA_KEY = "__metadata__";
const LENGTH_BYTES = 8;

/** Longest header that is read, the format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000;

const DTYPE_NAMES: Readonly<Record<DType, string>> = {
  bool: "BOOL",
  i8: "I8",
  u8: "U8",
  i16: "I16",
  u16: "U16",
  i32: "I32",
  u32: "U32",
  i64: "I64",
  u64: "U64",
  f32: "F32",
  f64: "F64",
};
const DTYPE_OF_NAME = new Map(Object.entries(DTYPE_NAMES).map(([dtype, name]) => [name, dtype as DType]));

/** Everything that can be wrong with a safetensors file. Each has a file in testdata/hostile/safetensors. */
export const SAFETENSORS_DEFECTS = {
  "file-too-short": "the file ends inside the header length",
  "header-too-long": "the header is too long",
  "header-beyond-file": "the header ends beyond the file",
  "header-not-utf8": "the header is not UTF-8 text",
  "header-not-json": "the header is not a JSON object",
  "duplicate-key": "a name occurs twice in the header",
  "metadata-not-text": "the metadata are not an object of texts",
  "entry-not-tensor": "the entry does not describe a tensor",
  "unknown-dtype": "the dtype is not one that is read",
  "wrong-shape": "the shape is not a list of whole numbers with a product under 2^53",
  "wrong-offsets": "the data offsets are not two whole numbers in order",
  "offsets-beyond-file": "the data end beyond the file",
  "length-mismatch": "shape and dtype do not take as many bytes as the data offsets span",
  "overlapping-data": "the data overlap those of another tensor",
  "hole-in-data": "bytes belong to no tensor",
} as const;

export type SafetensorsDefect = keyof typeof SAFETENSORS_DEFECTS;

export interface Safetensors {
  /** In the order of their data. */
  readonly tensors: Map<string, Tensor>;
  readonly metadata: Record<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Tensors as one file. Equal content gives equal bytes, whatever the order of the maps: the header lists names in code
 * unit order; the data come widest dtype first, then by name, so that every tensor is aligned without holes.
 * @throws RangeError for a tensor named `__metadata__` or whose data do not fill its shape.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (tensors.has(METADATA_KEY)) throw new RangeError(`no tensor may be named ${METADATA_KEY}`);
  const byName = [...tensors].sort(([a], [b]) => a < b ? -1 : 1);
  const inDataOrder = byName.toSorted(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype));
  const begins = new Map<string, number>();
  let dataBytes = 0;
  for (const [name, { dtype, shape, data }] of inDataOrder) {
    if (data.length !== sizeOf(shape)) {
      throw new RangeError(`tensor ${JSON.stringify(name)}: ${data.length} elements for the shape [${shape}]`);
    }
    begins.set(name, dataBytes);
    dataBytes += data.length * bytesOf(dtype);
  }
  const header = new TextEncoder().encode(headerText(byName, begins, metadata));
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(header, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + header.length, LENGTH_BYTES + headerBytes);
  for (const [name, { data }] of inDataOrder) {
    file.set(bytesOfArray(data), LENGTH_BYTES + headerBytes + begins.get(name)!);
  }
  return file;
}

function headerText(
  byName: readonly (readonly [string, Tensor])[],
  begins: ReadonlyMap<string, number>,
  metadata: Readonly<Record<string, string>>,
): string {
  const texts = Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1);
  const entries = byName.map(([name, { dtype, shape, data }]) => {
    const begin = begins.get(name)!;
    return field(name, { dtype: DTYPE_NAMES[dtype], shape, data_offsets: [begin, begin + data.byteLength] });
  });
  if (texts.length > 0) {
    entries.unshift(`"${METADATA_KEY}":{${texts.map(([key, value]) => field(key, value)).join(",")}}`);
  }
  return `{${entries.join(",")}}`;
}

function field(key: string, value: unknown): string {
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}

/**
 * Reads a safetensors file. Tensors are views of `bytes` where their data are aligned, copies elsewhere. `where` names
 * the file in errors.
 * @throws DyadError (input) for every defect in `SAFETENSORS_DEFECTS`, and for nothing else.
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): Safetensors {
  const { header, dataStart } = readHeader(bytes, where);
  const data = bytes.subarray(dataStart);
  const metadata = readMetadata(header[METADATA_KEY], where);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, entry]) => readEntry(name, entry, data.length, where))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, data.length, where);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, tensor(dtype, shape, viewBytes(dtype, data.subarray(begin, end), sizeOf(shape))));
  }
  return { tensors, metadata };
}

function defect(where: string, kind: SafetensorsDefect, detail: string): DyadError {
  return inputError(`${where}: not a safetensors file that can be read: ${SAFETENSORS_DEFECTS[kind]}: ${detail}`);
}

function tensorDefect(where: string, name: string, kind: SafetensorsDefect, detail: string): DyadError {
  return inputError(`${where}: tensor ${briefJson(name)}: ${SAFETENSORS_DEFECTS[kind]}: ${detail}`);
}

function readHeader(bytes: Uint8Array, where: string): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) {
    throw defect(where, "file-too-short", `found ${bytes.length} bytes, expected at least ${LENGTH_BYTES}`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw defect(where, "header-too-long", `found ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  }
  const dataStart = LENGTH_BYTES + Number(length);
  if (dataStart > bytes.length) {
    throw defect(where, "header-beyond-file", `found an end at byte ${dataStart}, the file has ${bytes.length}`);
  }
  const text = decodeHeaderText(bytes.subarray(LENGTH_BYTES, dataStart), where);
  return { header: parseHeader(text, where), dataStart };
}

function decodeHeaderText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw defect(where, "header-not-utf8", (error as Error).message);
  }
}

function parseHeader(text: string, where: string): Record<string, unknown> {
  if (!text.startsWith("{")) {
    throw defect(where, "header-not-json", `found ${briefJson(text.slice(0, 20))} at its start, expected "{"`);
  }
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw defect(where, "header-not-json", (error as Error).message);
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw defect(where, "duplicate-key", `found ${briefJson(duplicate)} more than once`);
  return header;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) throw defect(where, "metadata-not-text", `found ${briefJson(value)}`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw defect(where, "metadata-not-text", `found ${briefJson(text)} under ${briefJson(key)}`);
    }
  }
  return value as Record<string, string>;
}

function readEntry(name: string, entry: unknown, dataBytes: number, where: string): Entry {
  const fail = (kind: SafetensorsDefect, detail: string): never => {
    throw tensorDefect(where, name, kind, detail);
  };
  if (!isObject(entry)) return fail("entry-not-tensor", `found ${briefJson(entry)}, expected an object`);
  const dtype = typeof entry.dtype === "string" ? DTYPE_OF_NAME.get(entry.dtype) : undefined;
  if (dtype === undefined) {
    const known = [...DTYPE_OF_NAME.keys()].join(", ");
    return fail("unknown-dtype", `found ${briefJson(entry.dtype)}, expected one of ${known}`);
  }
  const { shape, data_offsets: offsets } = entry;
  const count = Array.isArray(shape) ? elementCount(shape) : undefined;
  if (count === undefined) return fail("wrong-shape", `found ${briefJson(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || elementCount([offsets[0]]) === undefined) {
    return fail("wrong-offsets", `found ${briefJson(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (!Number.isSafeInteger(end) || end < begin) return fail("wrong-offsets", `found ${briefJson(offsets)}`);
  if (end > dataBytes) return fail("offsets-beyond-file", `found an end at byte ${end} of ${dataBytes}`);
  const needed = count * bytesOf(dtype);
  if (needed !== end - begin) {
    const expected = `expected ${needed} for ${briefJson(shape)} of ${DTYPE_NAMES[dtype]}`;
    return fail("length-mismatch", `found the offsets ${begin} to ${end}, ${end - begin} bytes, ${expected}`);
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

/** Entries sorted by their offsets must follow each other from the first data byte to the last. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, where: string): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin < covered) {
      throw tensorDefect(where, name, "overlapping-data", `found data from byte ${begin}, taken up to ${covered}`);
    }
    if (begin > covered) {
      throw tensorDefect(where, name, "hole-in-data", `found data from byte ${begin}, expected from ${covered}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw defect(where, "hole-in-data", `the tensors end at data byte ${covered}, the file at ${dataBytes}`);
  }
}
