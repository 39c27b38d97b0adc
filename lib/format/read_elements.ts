import { type ArrayOf, bytesOf, type DType, viewBytes } from "../tensor/dtype.ts";

/**
 * The first `count` elements of `bytes`: a view where they are little-endian and aligned, otherwise a copy.
 * @throws RangeError when `bytes` is too short.
 */
export function readElements<D extends DType>(
  dtype: D,
  bytes: Uint8Array,
  count: number,
  bigEndian: boolean,
): ArrayOf<D> {
  const width = bytesOf(dtype);
  if (!bigEndian || width === 1) return viewBytes(dtype, bytes, count);
  return viewBytes(dtype, reverseEach(bytes.subarray(0, count * width), width), count);
}

function reverseEach(bytes: Uint8Array, width: number): Uint8Array {
  const reversed = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += width) {
    for (let i = 0; i < width; i++) reversed[start + i] = bytes[start + width - 1 - i];
  }
  return reversed;
}
