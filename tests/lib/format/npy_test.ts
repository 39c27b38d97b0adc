import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeNpy, encodeNpy } from "../../../lib/format/npy.ts";
import { allocate, bytesOf, bytesOfArray, type DType, DTYPES } from "../../../lib/tensor/dtype.ts";
import { rowMajorStrides, sizeOf } from "../../../lib/tensor/shape.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";
import { npyBytes, npyHeader } from "./npy_bytes.ts";

const CODES: Record<DType, string> = {
  bool: "b1",
  i8: "i1",
  u8: "u1",
  i16: "i2",
  u16: "u2",
  i32: "i4",
  u32: "u4",
  i64: "i8",
  u64: "u8",
  f32: "f4",
  f64: "f8",
};
const CALIB = new URL("../../../testdata/data/calib/", import.meta.url);

function valueAt(dtype: DType, i: number): number {
  return dtype === "bool" ? i % 2 : i % 100 + 1;
}

/** The elements of `valueAt` and their bytes in the order asked for, by nothing but DataView. */
function countingBytes(dtype: DType, count: number, littleEndian: boolean, at: (i: number) => number): Uint8Array {
  const width = bytesOf(dtype);
  const bytes = new Uint8Array(count * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const offset = at(i) * width;
    const value = valueAt(dtype, i);
    if (dtype === "f32") view.setFloat32(offset, value, littleEndian);
    else if (dtype === "f64") view.setFloat64(offset, value, littleEndian);
    else if (width === 8) view.setBigInt64(offset, BigInt(value), littleEndian);
    else if (width === 4) view.setInt32(offset, value, littleEndian);
    else if (width === 2) view.setInt16(offset, value, littleEndian);
    else view.setInt8(offset, value);
  }
  return bytes;
}

/** Where element i (in C order) of `shape` lies in an array whose first axis is innermost. */
function fortranPosition(i: number, shape: readonly number[]): number {
  const strides = rowMajorStrides(shape);
  let position = 0;
  let stride = 1;
  for (const [axis, extent] of shape.entries()) {
    position += Math.floor(i / strides[axis]) % extent * stride;
    stride *= extent;
  }
  return position;
}

Deno.test("npy: every dtype, byte order, element order and version is read", () => {
  const anyFile = fc.record({
    dtype: fc.constantFrom(...Object.keys(DTYPES) as DType[]),
    littleEndian: fc.boolean(),
    fortranOrder: fc.boolean(),
    version: fc.constantFrom(1, 2, 3),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(anyFile, ({ dtype, littleEndian, fortranOrder, version, shape }) => {
      const count = sizeOf(shape);
      const descr = (bytesOf(dtype) === 1 ? "|" : littleEndian ? "<" : ">") + CODES[dtype];
      const data = countingBytes(dtype, count, littleEndian, (i) => fortranOrder ? fortranPosition(i, shape) : i);
      const decoded = decodeNpy(npyBytes(npyHeader(descr, fortranOrder, shape), data, version), "x.npy");
      assert.equal(decoded.dtype, dtype);
      assert.deepEqual(decoded.shape, shape);
      assert.deepEqual(
        Array.from(decoded.data, Number),
        Array.from({ length: count }, (_, i) => valueAt(dtype, i)),
      );
    }),
    { numRuns: 400 },
  );
});

Deno.test("npy: what is written is read back, its data aligned to 64 bytes", () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  fc.assert(fc.property(fc.constantFrom(...Object.keys(DTYPES) as DType[]), shapes, (dtype, shape) => {
    const data = allocate(dtype, sizeOf(shape));
    bytesOfArray(data).forEach((_, i, bytes) => bytes[i] = dtype === "bool" ? i & 1 : i * 37);
    const file = encodeNpy(tensor(dtype, shape, data));
    const decoded = decodeNpy(file, "x.npy");
    assert.deepEqual([decoded.dtype, decoded.shape], [dtype, shape]);
    assert.deepEqual(bytesOfArray(decoded.data), bytesOfArray(data));
    assert.equal((file.length - data.byteLength) % 64, 0);
    assert.equal(decoded.data.buffer, file.buffer);
  }));
});

Deno.test("npy: a written file is the bytes that NumPy writes", () => {
  const images = Deno.readFileSync(new URL("images.npy", CALIB));
  const labels = Deno.readFileSync(new URL("labels.npy", CALIB));
  assert.deepEqual(encodeNpy(decodeNpy(images, "images.npy")), images);
  assert.deepEqual(encodeNpy(decodeNpy(labels, "labels.npy")), labels);
});

Deno.test("npy: the calibration files have the shapes and values they are documented with", () => {
  const images = decodeNpy(Deno.readFileSync(new URL("images.npy", CALIB)), "images.npy");
  const labels = decodeNpy(Deno.readFileSync(new URL("labels.npy", CALIB)), "labels.npy");
  assert.deepEqual([images.dtype, images.shape], ["f32", [512, 1, 28, 28]]);
  assert.deepEqual([labels.dtype, labels.shape], ["i64", [512]]);
  const { fround } = Math;
  assert.equal(images.data[0], fround(fround(-0.286) / fround(0.353)));
  assert.ok(Array.from(labels.data, Number).every((label) => label >= 0 && label < 10));
});

Deno.test("npy: 16-bit floats become exactly the floats they stand for", () => {
  const cases: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x03ff, 1023 * 2 ** -24],
    [0x0001, 2 ** -24],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
  ];
  const data = new Uint8Array(2 * cases.length);
  cases.forEach(([half], i) => new DataView(data.buffer).setUint16(2 * i, half));
  const decoded = decodeNpy(npyBytes(npyHeader(">f2", false, [cases.length]), data), "half.npy");
  assert.equal(decoded.dtype, "f32");
  assert.deepEqual([...decoded.data], cases.map(([, value]) => value));
});

Deno.test("npy: headers are read as Python writes them", () => {
  const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
  for (
    const header of [
      `{"descr": "|u1", "fortran_order": False, "shape": (2, 3)}`,
      `{'shape': (2L, 3L), 'fortran_order': False, 'descr': '|u1'}`,
      `{ 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , }`,
      `{'descr': 'u1', 'fortran_order': False, 'shape': (2, 3), }`,
    ]
  ) {
    assert.deepEqual(decodeNpy(npyBytes(header, data), "x.npy"), tensor("u8", [2, 3], data), header);
  }
});

Deno.test("npy: what cannot be read is an input error that says why", () => {
  const one = Uint8Array.of(1);
  const header = (text: string) => () => decodeNpy(npyBytes(text, one), "x.npy");
  const good = npyHeader("|u1", false, [1]);
  expectError("input", () => decodeNpy(one, "x.npy"), /^x\.npy: not a \.npy file/);
  expectError("input", () => decodeNpy(npyBytes(good, one, 4), "x.npy"), "version 4, expected 1, 2 or 3");
  expectError("input", () => decodeNpy(npyBytes(good, one).subarray(0, 9), "x.npy"), "ends inside its header");
  expectError("input", () => decodeNpy(npyBytes(good, one).subarray(0, 40), "x.npy"), "cut short");
  expectError("input", header(npyHeader("|u1", false, [2])), "found 1 bytes of data, expected 2", "cut short");
  expectError("input", header(npyHeader("|u2", false, [])), "found 1 bytes of data, expected 2 for scalar elements");
  expectError("input", header(npyHeader("<c8", false, [1])), "type '<c8'", "astype");
  expectError("input", header(npyHeader("|O", false, [1])), "type '|O'");
  expectError("input", header(npyHeader("<U5", false, [1])), "type '<U5'");
  expectError("input", header(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }`), "records");
  expectError("input", header(`{'descr': '|u1', 'shape': (1,), }`), "fortran_order");
  expectError("input", header(`{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}`), "twice");
  expectError("input", header(`{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }`), "cannot read the header");
  expectError("input", header(`{'descr': '|u1', 'fortran_order': False, 'shape': (1,,), }`), "whole numbers");
  expectError("input", header(npyHeader("|u1", false, [2 ** 31, 2 ** 31])), "too large");
  expectError("input", header(`[1, 2]`), "expected a dictionary");
});

Deno.test("npy: an empty array of huge other extents is read at once", () => {
  const file = npyBytes(npyHeader("<f4", true, [2 ** 40, 0]), new Uint8Array(0));
  assert.equal(decodeNpy(file, "x.npy").data.length, 0);
});

Deno.test("npy: a damaged file is read or refused, never anything else", () => {
  const file = npyBytes(npyHeader("<i2", true, [2, 3]), new Uint8Array(12));
  fc.assert(fc.property(mutations(file), (bytes) => returnsOrInputError(() => decodeNpy(bytes, "x.npy"))), {
    numRuns: 2000,
  });
});
