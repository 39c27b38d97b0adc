import assert from "node:assert/strict";
import { bfloat16, float16 } from "../../../lib/onnx/data_types.ts";
import { decodeTensor, encodeTensor, type Plain } from "../../../lib/onnx/schema.ts";
import type { TensorProto } from "../../../lib/onnx/messages.ts";
import { checkFinite, type ExternalFiles, tensorOf } from "../../../lib/onnx/tensor.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";
import type { TypedArray } from "../../../lib/tensor/dtype.ts";

function read(proto: Plain<TensorProto>, external?: ExternalFiles) {
  return tensorOf(decodeTensor(encodeTensor(proto)), 'initializer "w"', external);
}

function raw(values: TypedArray): Uint8Array {
  return new Uint8Array(values.slice().buffer as ArrayBuffer);
}

/** Every data type, the same four elements in raw data and in the typed field. */
const ENCODINGS: readonly { dataType: number; values: TypedArray; raw?: Uint8Array; field: Plain<TensorProto> }[] = [
  { dataType: 1, values: Float32Array.of(0, 1.5, -2, 3e38), field: { floatData: [0, 1.5, -2, 3e38] } },
  { dataType: 2, values: Uint8Array.of(0, 1, 128, 255), field: { int32Data: [0, 1, 128, 255] } },
  { dataType: 3, values: Int8Array.of(0, 1, -128, 127), field: { int32Data: [0, 1, -128, 127] } },
  { dataType: 4, values: Uint16Array.of(0, 1, 256, 65535), field: { int32Data: [0, 1, 256, 65535] } },
  { dataType: 5, values: Int16Array.of(0, 1, -32768, 32767), field: { int32Data: [0, 1, -32768, 32767] } },
  {
    dataType: 6,
    values: Int32Array.of(0, 1, -(2 ** 31), 2 ** 31 - 1),
    field: { int32Data: [0, 1, -(2 ** 31), 2 ** 31 - 1] },
  },
  {
    dataType: 7,
    values: BigInt64Array.of(0n, 1n, -(2n ** 63n), 2n ** 63n - 1n),
    field: { int64Data: [0n, 1n, -(2n ** 63n), 2n ** 63n - 1n] },
  },
  { dataType: 9, values: Uint8Array.of(0, 1, 1, 0), field: { int32Data: [0, 1, 1, 0] } },
  {
    dataType: 10,
    values: Float32Array.of(0, 1, -2, 65504),
    raw: raw(Uint16Array.of(0, 0x3c00, 0xc000, 0x7bff)),
    field: { int32Data: [0, 0x3c00, 0xc000, 0x7bff] },
  },
  { dataType: 11, values: Float64Array.of(0, 1.5, -2, 1e300), field: { doubleData: [0, 1.5, -2, 1e300] } },
  {
    dataType: 12,
    values: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1),
    field: { uint64Data: [0, 1, 2 ** 31, 2 ** 32 - 1] },
  },
  {
    dataType: 13,
    values: BigUint64Array.of(0n, 1n, 2n ** 63n, 2n ** 64n - 1n),
    field: { uint64Data: [0n, 1n, 2n ** 63n, 2n ** 64n - 1n] },
  },
  {
    dataType: 16,
    values: Float32Array.of(0, 1, -2, 3.3895313892515355e38),
    raw: raw(Uint16Array.of(0, 0x3f80, 0xc000, 0x7f7f)),
    field: { int32Data: [0, 0x3f80, 0xc000, 0x7f7f] },
  },
];

Deno.test("every data type is read from raw data, its typed field and a file beside the model", () => {
  for (const { dataType, values, raw: bytes = raw(values), field } of ENCODINGS) {
    const header = { name: "w", dims: [2, 2], dataType };
    const external = Uint8Array.from([9, 9, 9, ...bytes, 9]);
    const entries = { location: "dir/w.bin", offset: "3", length: String(bytes.length) };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    const found = [
      read({ ...header, rawData: bytes }),
      read({ ...header, ...field }),
      read({ ...header, dataLocation: 1, externalData }, (location) => {
        assert.equal(location, "dir/w.bin");
        return external;
      }),
    ];
    for (const { shape, data } of found) {
      assert.deepEqual(shape, [2, 2]);
      assert.deepEqual(data, values, `data type ${dataType}`);
    }
  }
});

Deno.test("scalars and empty tensors", () => {
  assert.deepEqual(read({ dims: [], dataType: 1, floatData: [2] }).shape, []);
  assert.deepEqual(read({ dims: [0], dataType: 7 }), tensor("i64", [0], new BigInt64Array(0)));
});

Deno.test("aligned raw data is not copied", () => {
  const proto = { ...decodeTensor(encodeTensor({ dims: [2], dataType: 1 })), rawData: raw(Float32Array.of(1, 2)) };
  assert.equal(tensorOf(proto, "w").data.buffer, proto.rawData.buffer);
});

Deno.test("external data: offset and length may be left out", () => {
  const file = raw(Float32Array.of(4, 5));
  const externalData = [{ key: "location", value: "w.bin" }];
  assert.deepEqual([...read({ dims: [2], dataType: 1, dataLocation: 1, externalData }, () => file).data], [4, 5]);
});

Deno.test("all 65536 16-bit floats equal their definition", () => {
  const brain = new DataView(new ArrayBuffer(4));
  for (let bits = 0; bits <= 0xffff; bits++) {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    const half = exponent === 31
      ? (fraction ? NaN : sign * Infinity)
      : exponent === 0
      ? sign * fraction * 2 ** -14
      : sign * (1 + fraction) * 2 ** (exponent - 15);
    assert.ok(Object.is(float16(bits), half), `float16 ${bits}`);
    brain.setUint16(0, bits);
    assert.ok(Object.is(bfloat16(bits), brain.getFloat32(0)), `bfloat16 ${bits}`);
  }
});

Deno.test("errors name the tensor, what was found and what was expected", () => {
  const ok = { dims: [2], dataType: 1, rawData: new Uint8Array(8) };
  const place = (entries: Record<string, string>): Plain<TensorProto> => ({
    ...ok,
    dataLocation: 1,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  });
  const file = () => new Uint8Array(10);
  const cases: [Plain<TensorProto>, RegExp, ExternalFiles?][] = [
    [{ ...ok, rawData: new Uint8Array(7) }, /initializer "w" \(float \[2\]\) holds 7 bytes, expected 8/],
    [{ ...ok, rawData: new Uint8Array(12) }, /holds 12 bytes, expected 8/],
    [{ dims: [2], dataType: 1, floatData: [1] }, /holds 1 elements and no raw data, expected 2 elements/],
    [{ dims: [2 ** 40], dataType: 1 }, /holds 0 elements .* expected 1099511627776 elements/],
    [{ ...ok, dims: [-2] }, /has extent -2 on axis 0/],
    [{ ...ok, dims: [2n ** 60n] }, /extent 0 of initializer "w" is 1152921504606846976/],
    [{ ...ok, dataType: 0 }, /holds no data type, expected one of float/],
    [{ ...ok, dataType: 8 }, /holds string, expected/],
    [{ ...ok, dataType: 22 }, /holds int4, expected/],
    [{ ...ok, dataType: 99 }, /holds data type 99, expected/],
    [{ ...ok, segment: { begin: 0, end: 2 } }, /stored in segments/],
    [{ dims: [1], dataType: 3, int32Data: [128] }, /holds 128 at element 0, which int8 cannot hold/],
    [{ dims: [1], dataType: 2, int32Data: [-1] }, /holds -1 at element 0, which uint8 cannot hold/],
    [{ dims: [1], dataType: 12, uint64Data: [2 ** 32] }, /holds 4294967296 at element 0, which uint32 cannot hold/],
    [place({ location: "w.bin" }), /kept in the file w.bin beside the model/],
    [place({}), /external location "", expected a path relative/, file],
    [place({ location: "/etc/passwd" }), /external location "\/etc\/passwd", expected a path relative/, file],
    [place({ location: "\\\\host\\w" }), /expected a path relative/, file],
    [place({ location: "C:w.bin" }), /expected a path relative/, file],
    [place({ location: "a/../../w" }), /"a\/..\/..\/w", which leaves the model's folder/, file],
    [place({ location: "..\\w" }), /leaves the model's folder/, file],
    [place({ location: "w", offset: "-1" }), /external offset "-1", expected a number of bytes/, file],
    [place({ location: "w", length: "12" }), /has 12 bytes of external data, expected 8/, file],
    [place({ location: "w", offset: "3" }), /lies at bytes 3 to 11 of w, which holds only 10 bytes/, file],
  ];
  for (const [proto, message, external] of cases) {
    assert.throws(() => read(proto, external), (error: Error) => {
      assert.equal(error.name, "DyadError");
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("NaN and infinities are named by their index; one infinite element is a bound, not a weight", () => {
  const check = (shape: number[], values: number[]) =>
    checkFinite(tensor("f32", shape, Float32Array.from(values)), "initializer w");
  assert.throws(() => check([2, 3], [0, 0, 0, 0, 0, NaN]), /initializer w holds NaN at index \[1,2\]/);
  assert.throws(() => check([2], [0, -Infinity]), /holds -Infinity at index \[1\]/);
  assert.throws(() => check([], [NaN]), /holds NaN/);
  assert.throws(() => checkFinite(tensor("f64", [2], Float64Array.of(0, NaN)), "w"), /holds NaN at index \[1\]/);
  check([], [Infinity]);
  check([1], [-Infinity]);
  checkFinite(tensor("i8", [1], Int8Array.of(1)), "w");
});
