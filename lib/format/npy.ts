import { allocate, type ArrayOf, bytesOf, bytesOfArray, type DType } from "../tensor/dtype.ts";
import { formatShape, rowMajorStrides, type Shape } from "../tensor/shape.ts";
import { forEachOffset, type Tensor, tensor } from "../tensor/tensor.ts";
import { elementCount } from "./element_count.ts";
import { inputError } from "./error.ts";
import { type NpyHeader, readNpyHeader } from "./npy_header.ts";
import { readElements } from "./read_elements.ts";

const DESCR: Readonly<Record<DType, string>> = {
  bool: "|b1",
  i8: "|i1",
  u8: "|u1",
  i16: "<i2",
  u16: "<u2",
  i32: "<i4",
  u32: "<u4",
  i64: "<i8",
  u64: "<u8",
  f32: "<f4",
  f64: "<f8",
};
const DTYPE_OF_CODE = new Map(Object.entries(DESCR).map(([dtype, descr]) => [descr.slice(1), dtype as DType]));
const HALF_CODE = "f2";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
const HEADER_ALIGNMENT = 64;

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads a NumPy array file, format versions 1 to 3 (numpy.lib.format): booleans, integers and floats of any width and
 * byte order, in C or Fortran order. The elements come in C order, little-endian; 16-bit floats as f32. A view of
 * `bytes` where no conversion is needed.
 * @throws DyadError (input) naming `where` for anything else.
 */
export function decodeNpy(bytes: Uint8Array, where: string): Tensor {
  if (!isNpy(bytes)) throw inputError(`${where}: not a .npy file: it does not start with "\\x93NUMPY"`);
  const header = readNpyHeader(bytes, where);
  const { shape, fortranOrder } = header;
  const { dtype, isHalf, bigEndian } = readDescr(header, where);
  const count = elementCount(shape);
  if (count === undefined) throw inputError(`${where}: found the shape (${shape}), too large for any file`);
  const width = isHalf ? 2 : bytesOf(dtype);
  const data = bytes.subarray(header.dataStart);
  if (data.length !== count * width) {
    throw inputError(
      `${where}: found ${data.length} bytes of data, expected ${count * width} for ${formatShape(shape)} elements of ` +
        `${header.descr}; the file is ${data.length < count * width ? "cut short" : "longer than its array"}`,
    );
  }
  const elements = isHalf
    ? halvesToFloats(readElements("u16", data, count, bigEndian))
    : readElements(dtype, data, count, bigEndian);
  return tensor(dtype, shape, fortranOrder && count > 1 ? fromFortranOrder(dtype, shape, elements) : elements);
}

function readDescr({ descr }: NpyHeader, where: string): { dtype: DType; isHalf: boolean; bigEndian: boolean } {
  const match = /^([<>|=]?)([a-zA-Z]\d+)$/.exec(descr);
  const isHalf = match?.[2] === HALF_CODE;
  const dtype = isHalf ? "f32" : DTYPE_OF_CODE.get(match?.[2] ?? "");
  if (match === null || dtype === undefined) {
    throw inputError(
      `${where}: found elements of type '${descr}', expected booleans, integers or floats ` +
        `(${[...DTYPE_OF_CODE.keys(), HALF_CODE].join(", ")}); convert with astype before saving`,
    );
  }
  return { dtype, isHalf, bigEndian: match[1] === ">" };
}

function fromFortranOrder<D extends DType>(dtype: D, shape: Shape, elements: ArrayOf<D>): ArrayOf<D> {
  const target = allocate(dtype, elements.length);
  const from = elements as Float32Array;
  const to = target as unknown as Float32Array; // one loop for every dtype: elements are only moved
  const strides = rowMajorStrides(shape.toReversed()).reverse();
  forEachOffset(shape, strides, rowMajorStrides(shape), (source, index) => {
    to[index] = from[source];
  });
  return target;
}

/** IEEE 754 binary16 to binary32, exact. */
function halvesToFloats(halves: ArrayOf<"u16">): ArrayOf<"f32"> {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = half >> 10 & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** What a .npy file of version 1.0 begins with, C order, little-endian; the data, aligned to 64 bytes, follow. */
export function npyHeader({ dtype, shape }: Pick<Tensor, "dtype" | "shape">): Uint8Array {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': (${extents}), }`;
  const prefix = MAGIC.length + 4;
  const dataStart = Math.ceil((prefix + text.length + 1) / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const header = new Uint8Array(dataStart);
  header.set([...MAGIC, 1, 0]);
  new DataView(header.buffer).setUint16(prefix - 2, dataStart - prefix, true);
  header.set(new TextEncoder().encode(text.padEnd(dataStart - prefix - 1) + "\n"), prefix);
  return header;
}

/** A tensor in ONNX order as a .npy file. */
export function encodeNpy({ data, ...type }: Tensor): Uint8Array {
  const header = npyHeader(type);
  const file = new Uint8Array(header.length + data.byteLength);
  file.set(header);
  file.set(bytesOfArray(data), header.length);
  return file;
}
