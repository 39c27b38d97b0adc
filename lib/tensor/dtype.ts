/** Element types of tensors, with the names that safetensors and numpy users know. */
export const DTYPES = {
  bool: { array: Uint8Array, bytes: 1 },
  i8: { array: Int8Array, bytes: 1 },
  u8: { array: Uint8Array, bytes: 1 },
  i16: { array: Int16Array, bytes: 2 },
  u16: { array: Uint16Array, bytes: 2 },
  i32: { array: Int32Array, bytes: 4 },
  u32: { array: Uint32Array, bytes: 4 },
  i64: { array: BigInt64Array, bytes: 8 },
  u64: { array: BigUint64Array, bytes: 8 },
  f32: { array: Float32Array, bytes: 4 },
  f64: { array: Float64Array, bytes: 8 },
} as const;

export type DType = keyof typeof DTYPES;

interface Arrays {
  bool: Uint8Array;
  i8: Int8Array;
  u8: Uint8Array;
  i16: Int16Array;
  u16: Uint16Array;
  i32: Int32Array;
  u32: Uint32Array;
  i64: BigInt64Array;
  u64: BigUint64Array;
  f32: Float32Array;
  f64: Float64Array;
}

/** The typed array that holds elements of a dtype. */
export type ArrayOf<D extends DType> = Arrays[D];

export type TypedArray = ArrayOf<DType>;

/** Dtypes whose elements are JavaScript numbers. */
export type NumberDType = Exclude<DType, "i64" | "u64">;

export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f64";
}

export function bytesOf(dtype: DType): number {
  return DTYPES[dtype].bytes;
}

/** A new zeroed array of `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): ArrayOf<D> {
  return new DTYPES[dtype].array(length) as ArrayOf<D>;
}

/**
 * Elements over existing bytes: a view where the offset is aligned for the dtype, a copy where it is not.
 * Little-endian bytes on a little-endian machine, which every Deno target is.
 */
export function viewBytes<D extends DType>(dtype: D, bytes: Uint8Array, length: number): ArrayOf<D> {
  const { array, bytes: width } = DTYPES[dtype];
  if (bytes.byteLength < length * width) {
    throw new RangeError(`${length} elements of ${dtype} need ${length * width} bytes, found ${bytes.byteLength}`);
  }
  if (bytes.byteOffset % width === 0) {
    return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, length) as ArrayOf<D>;
  }
  return new array(bytes.slice(0, length * width).buffer, 0, length) as ArrayOf<D>;
}

/** The bytes of an array, without copying. */
export function bytesOfArray(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}
