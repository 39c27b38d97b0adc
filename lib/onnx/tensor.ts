import { inputError } from "../format/error.ts";
import { allocate, bytesOf, isFloat, viewBytes } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bfloat16, type DataType, dataTypeName, dataTypeOf, float16, READABLE_NAMES } from "./data_types.ts";
import { EXTERNAL, type TensorProto } from "./messages.ts";
import { exactInteger } from "./schema.ts";

/** The bytes of a file beside the model, by its location relative to the model's folder. */
export type ExternalFiles = (location: string) => Uint8Array;

/**
 * The tensor that a TensorProto holds, whichever of the three ways it keeps its elements: raw bytes (a view into them
 * where they are aligned), a typed field, or a file beside the model. float16 and bfloat16 become f32, exactly.
 *
 * @param what names the tensor in errors: `initializer "conv1.weight"`.
 * @throws DyadError on types that cannot be read, on a number of elements that does not fit the shape, and on external
 * data that is not there or lies outside the model's folder.
 */
export function tensorOf(proto: TensorProto, what: string, external?: ExternalFiles): Tensor {
  const type = dataTypeOf(proto.dataType);
  if (type === undefined) {
    throw inputError(`${what} holds ${dataTypeName(proto.dataType)}, expected one of ${READABLE_NAMES}`);
  }
  if (proto.segment !== undefined) throw inputError(`${what} is stored in segments, expected it whole`);
  const shape = proto.dims.map((extent, axis) => {
    const number = exactInteger(extent, `extent ${axis} of ${what}`);
    if (number < 0) throw inputError(`${what} has extent ${number} on axis ${axis}, expected zero or more`);
    return number;
  });
  const length = sizeOf(shape);
  const described = `${what} (${type.name} [${shape}])`;
  const raw = proto.dataLocation === EXTERNAL ? externalBytes(proto, type, length, described, external) : proto.rawData;
  const data = raw === undefined
    ? typedElements(proto, type, length, described)
    : rawElements(raw, type, length, described);
  return { dtype: type.dtype, shape, data };
}

/**
 * Throws when a float tensor holds NaN or an infinity. Infinities are let through in tensors of one element: they are
 * bounds of Clip and values of Pad, not weights.
 */
export function checkFinite(tensor: Tensor, what: string): void {
  if (!isFloat(tensor.dtype)) return;
  const data = tensor.data as Float32Array | Float64Array;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (Number.isFinite(value) || (data.length === 1 && !Number.isNaN(value))) continue;
    throw inputError(`${what} holds ${value} at index [${indexOf(i, tensor.shape)}], expected finite numbers`);
  }
}

function indexOf(offset: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = offset % shape[axis];
    offset = Math.floor(offset / shape[axis]);
  }
  return index;
}

function widthOf(type: DataType): number {
  return type.half ? 2 : bytesOf(type.dtype);
}

function rawElements(bytes: Uint8Array, type: DataType, length: number, what: string): Tensor["data"] {
  const expected = length * widthOf(type);
  if (bytes.length !== expected) throw inputError(`${what} holds ${bytes.length} bytes, expected ${expected}`);
  if (type.half === undefined) return viewBytes(type.dtype, bytes, length);
  const decode = type.half === "float16" ? float16 : bfloat16;
  return Float32Array.from(viewBytes("u16", bytes, length), decode);
}

function typedElements(proto: TensorProto, type: DataType, length: number, what: string): Tensor["data"] {
  const values: readonly (number | bigint)[] = proto[type.field];
  if (values.length !== length) {
    throw inputError(`${what} holds ${values.length} elements and no raw data, expected ${length} elements`);
  }
  if (type.half !== undefined) {
    const decode = type.half === "float16" ? float16 : bfloat16;
    return Float32Array.from(values as readonly number[], (bits) => decode(bits & 0xffff));
  }
  const data = allocate(type.dtype, length);
  for (let i = 0; i < length; i++) {
    data[i] = type.dtype === "u32" ? Number(values[i]) : values[i];
    // Typed arrays wrap silently; floats only round, and bool is any number that is not zero.
    if (type.dtype === "bool") data[i] = values[i] ? 1 : 0;
    else if (!isFloat(type.dtype) && BigInt(data[i]) !== BigInt(values[i])) {
      throw inputError(`${what} holds ${values[i]} at element ${i}, which ${type.name} cannot hold`);
    }
  }
  return data;
}

function externalBytes(
  proto: TensorProto,
  type: DataType,
  length: number,
  what: string,
  external: ExternalFiles | undefined,
): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key = "", value = "" }) => [key, value]));
  const location = entries.get("location") ?? "";
  checkLocation(location, what);
  const expected = length * widthOf(type);
  const number = (key: string, fallback: number): number => {
    const text = entries.get(key);
    if (text === undefined) return fallback;
    if (!/^\d{1,15}$/.test(text)) {
      throw inputError(`${what} has external ${key} ${JSON.stringify(text)}, expected a number of bytes`);
    }
    return Number(text);
  };
  const offset = number("offset", 0);
  const size = number("length", expected);
  if (size !== expected) {
    throw inputError(`${what} has ${size} bytes of external data, expected ${expected}`);
  }
  if (external === undefined) {
    throw inputError(
      `${what} is kept in the file ${location} beside the model: give the model as a file in its folder`,
    );
  }
  const file = external(location);
  if (offset + size > file.length) {
    throw inputError(
      `${what} lies at bytes ${offset} to ${offset + size} of ${location}, which holds only ${file.length} bytes`,
    );
  }
  return file.subarray(offset, offset + size);
}

/** A model must not make this program read files elsewhere. */
function checkLocation(location: string, what: string): void {
  const segments = location.split(/[/\\]/);
  if (location === "" || location.includes("\0") || segments[0] === "" || /^[A-Za-z]:/.test(location)) {
    throw inputError(
      `${what} has external location ${JSON.stringify(location)}, expected a path relative to the model`,
    );
  }
  if (segments.includes("..")) {
    throw inputError(`${what} has external location ${JSON.stringify(location)}, which leaves the model's folder`);
  }
}
