import { bytesOf, type DType } from "../tensor/dtype.ts";
import { formatShape } from "../tensor/shape.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { elementCount } from "./element_count.ts";
import { inputError } from "./error.ts";
import { readElements } from "./read_elements.ts";

// Type codes of the IDX format (LeCun, Cortes, Burges, "The MNIST database", file formats). Numbers are big-endian.
const DTYPE_OF_CODE = new Map<number, DType>([
  [0x08, "u8"],
  [0x09, "i8"],
  [0x0b, "i16"],
  [0x0c, "i32"],
  [0x0d, "f32"],
  [0x0e, "f64"],
]);
const MAX_RANK = 8;

export function isIdx(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 && DTYPE_OF_CODE.has(bytes[2]) && bytes[3] >= 1 &&
    bytes[3] <= MAX_RANK;
}

/**
 * Reads an IDX file, already unpacked: 0, 0, type code, rank, the extents as 32-bit numbers, then the elements.
 * @throws DyadError (input) naming `where`.
 */
export function decodeIdx(bytes: Uint8Array, where: string): Tensor {
  if (!isIdx(bytes)) {
    const found = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw inputError(`${where}: found the first bytes ${found || "missing"}, expected 00 00, an IDX type and a rank`);
  }
  const dtype = DTYPE_OF_CODE.get(bytes[2])!;
  const rank = bytes[3];
  const dataStart = 4 + 4 * rank;
  if (bytes.length < dataStart) throw inputError(`${where}: the file ends inside its IDX header; it is cut short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = elementCount(shape);
  const data = bytes.subarray(dataStart);
  if (count === undefined || data.length !== count * bytesOf(dtype)) {
    const expected = count === undefined ? "more than any file holds" : String(count * bytesOf(dtype));
    const elements = `${formatShape(shape)} elements of ${dtype}`;
    throw inputError(`${where}: found ${data.length} bytes of data, expected ${expected} for ${elements}`);
  }
  return tensor(dtype, shape, readElements(dtype, data, count, true));
}
