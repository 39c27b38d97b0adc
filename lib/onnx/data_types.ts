import type { DType } from "../tensor/dtype.ts";

/** How elements of one ONNX data type lie in a file, and the dtype they become here. */
export interface DataType {
  /** As the ONNX specification calls it. */
  readonly name: string;
  readonly dtype: DType;
  /** Elements in raw data that are not those of `dtype`: 16-bit floats, which become f32. */
  readonly half?: "float16" | "bfloat16";
  /** The typed field of TensorProto that holds these elements when there is no raw data. */
  readonly field: "floatData" | "doubleData" | "int32Data" | "int64Data" | "uint64Data";
}

/** TensorProto.DataType, by number, as far as tensors of it can be read. */
const READABLE: Readonly<Record<number, DataType>> = {
  1: { name: "float", dtype: "f32", field: "floatData" },
  2: { name: "uint8", dtype: "u8", field: "int32Data" },
  3: { name: "int8", dtype: "i8", field: "int32Data" },
  4: { name: "uint16", dtype: "u16", field: "int32Data" },
  5: { name: "int16", dtype: "i16", field: "int32Data" },
  6: { name: "int32", dtype: "i32", field: "int32Data" },
  7: { name: "int64", dtype: "i64", field: "int64Data" },
  9: { name: "bool", dtype: "bool", field: "int32Data" },
  10: { name: "float16", dtype: "f32", half: "float16", field: "int32Data" },
  11: { name: "double", dtype: "f64", field: "doubleData" },
  12: { name: "uint32", dtype: "u32", field: "uint64Data" },
  13: { name: "uint64", dtype: "u64", field: "uint64Data" },
  16: { name: "bfloat16", dtype: "f32", half: "bfloat16", field: "int32Data" },
};

const UNREADABLE: Readonly<Record<number, string>> = {
  8: "string",
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
};

/** The data type of that number, or undefined where tensors of it cannot be read. */
export function dataTypeOf(number: number | undefined): DataType | undefined {
  return number === undefined ? undefined : READABLE[number];
}

/** Its name, for messages. */
export function dataTypeName(number: number | undefined): string {
  if (number === undefined || number === 0) return "no data type";
  return READABLE[number]?.name ?? UNREADABLE[number] ?? `data type ${number}`;
}

/** What a message lists as expected. */
export const READABLE_NAMES = Object.values(READABLE).map(({ name }) => name).join(", ");

/** The real number with these 16 bits, IEEE 754 binary16. */
export function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The real number with these 16 bits, the upper half of a binary32. */
export function bfloat16(bits: number): number {
  WORD[0] = bits << 16;
  return WORD_AS_FLOAT[0];
}

const WORD = new Uint32Array(1);
const WORD_AS_FLOAT = new Float32Array(WORD.buffer);
