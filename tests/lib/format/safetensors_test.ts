import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSafetensors, encodeSafetensors, SAFETENSORS_DEFECTS } from "../../../lib/format/safetensors.ts";
import { allocate, bytesOfArray, type DType, DTYPES, viewBytes } from "../../../lib/tensor/dtype.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";

const HOSTILE = new URL("../../../testdata/hostile/safetensors/", import.meta.url);
const DTYPE_LIST = Object.keys(DTYPES) as DType[];

const anyTensor: fc.Arbitrary<Tensor> = fc.record({
  dtype: fc.constantFrom(...DTYPE_LIST),
  shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  seed: fc.uint8Array({ minLength: 8, maxLength: 8 }),
}).map(({ dtype, shape, seed }) => {
  const data = allocate(dtype, shape.reduce((a, b) => a * b, 1));
  bytesOfArray(data).forEach((_, i, bytes) => bytes[i] = dtype === "bool" ? seed[i % 8] & 1 : seed[i % 8] + i);
  return tensor(dtype, shape, data);
});
const tensorName = fc.string({ unit: "binary", maxLength: 6 }).filter((name) => name.isWellFormed());
const tensorMap = fc.array(fc.tuple(tensorName, anyTensor), { maxLength: 6 }).map((entries) => new Map(entries));

function sample(): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ["bytes", tensor("u8", [3], Uint8Array.of(1, 2, 3))],
    ["weights", tensor("f32", [2, 2], Float32Array.of(1, -2, 3.5, 0))],
    ["big", tensor("i64", [], BigInt64Array.of(-5n))],
  ]);
}

Deno.test("safetensors: what is written is read back", () => {
  fc.assert(fc.property(tensorMap, fc.dictionary(tensorName, fc.string()), (tensors, metadata) => {
    const decoded = decodeSafetensors(encodeSafetensors(tensors, metadata), "t");
    assert.deepEqual({ ...decoded.metadata }, { ...metadata });
    assert.deepEqual([...decoded.tensors.keys()].sort(), [...tensors.keys()].sort());
    for (const [name, { dtype, shape, data }] of tensors) {
      const found = decoded.tensors.get(name)!;
      assert.equal(found.dtype, dtype);
      assert.deepEqual(found.shape, shape);
      assert.deepEqual(bytesOfArray(found.data), bytesOfArray(data));
    }
  }));
});

Deno.test("safetensors: equal content gives equal bytes, whatever the order of the maps", () => {
  const forwards = encodeSafetensors(sample(), { a: "1", b: "2" });
  const backwards = encodeSafetensors(new Map([...sample()].reverse()), { b: "2", a: "1" });
  assert.deepEqual(forwards, backwards);
});

Deno.test("safetensors: the file is the one the format describes", () => {
  const file = encodeSafetensors(new Map([["b", tensor("u8", [1], Uint8Array.of(7))]]), { k: "v" });
  const header = '{"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  assert.deepEqual(file, Uint8Array.of(padded.length, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(padded), 7));
});

Deno.test("safetensors: every tensor is an aligned view of an aligned file, and a copy of a misaligned one", () => {
  const file = encodeSafetensors(sample());
  for (const { data } of decodeSafetensors(file, "t").tensors.values()) assert.equal(data.buffer, file.buffer);
  const shifted = new Uint8Array(file.length + 1).subarray(1);
  shifted.set(file);
  assert.deepEqual(decodeSafetensors(shifted, "t").tensors, decodeSafetensors(file, "t").tensors);
});

Deno.test("safetensors: a file whose tensors are not aligned is read", () => {
  const header =
    '{"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}';
  const file = Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header), 1, 0, 0, 128, 63);
  const { tensors } = decodeSafetensors(file, "t");
  assert.deepEqual([...tensors.keys()], ["b", "f"]);
  assert.deepEqual(tensors.get("f")!.data, Float32Array.of(1));
});

Deno.test("safetensors: writers refuse the reserved name and data that do not fill their shape", () => {
  const one = tensor("u8", [1], Uint8Array.of(1));
  assert.throws(() => encodeSafetensors(new Map([["__metadata__", one]])), RangeError);
  assert.throws(
    () => encodeSafetensors(new Map([["a", { ...one, shape: [2] }]])),
    /"a": 1 elements for the shape \[2\]/,
  );
});

Deno.test("safetensors: each hostile file is refused with the defect it is named after", async (t) => {
  const readme = Deno.readTextFileSync(new URL("README.md", HOSTILE));
  const files = [...Deno.readDirSync(HOSTILE)].map(({ name }) => name).filter((name) => name !== "README.md").sort();
  for (const name of files) {
    await t.step(name, () => {
      const kind = name.split(".")[0];
      assert.ok(kind in SAFETENSORS_DEFECTS, `${kind} is not a defect`);
      const bytes = Deno.readFileSync(new URL(name, HOSTILE));
      const text = SAFETENSORS_DEFECTS[kind as keyof typeof SAFETENSORS_DEFECTS];
      expectError("input", () => decodeSafetensors(bytes, name), `${name}: `, text, /found|JSON|encod|end at/);
      assert.ok(readme.includes(`\`${name}\``), "not in the README");
    });
  }
  const covered = new Set(files.map((name) => name.split(".")[0]));
  assert.deepEqual(Object.keys(SAFETENSORS_DEFECTS).filter((kind) => !covered.has(kind)), []);
});

Deno.test("safetensors: errors name the tensor", () => {
  const bytes = Deno.readFileSync(new URL("length-mismatch.safetensors", HOSTILE));
  expectError(
    "input",
    () => decodeSafetensors(bytes, "w.safetensors"),
    /^w\.safetensors: tensor "a": .* offsets 0 to 4, 4 bytes, expected 8 for \[2\] of F32$/,
  );
});

Deno.test("safetensors: a damaged file is read or refused, never anything else", () => {
  const file = encodeSafetensors(sample(), { note: 'quotes "\\" and {braces}' });
  fc.assert(fc.property(mutations(file), (bytes) => returnsOrInputError(() => decodeSafetensors(bytes, "t"))), {
    numRuns: 2000,
  });
});

Deno.test("safetensors: any JSON in the header is read or refused, never anything else", () => {
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom("U8", "F32"), fc.array(fc.integer({ min: -1, max: 9 })));
  const entry = fc.record({ dtype: field, shape: field, data_offsets: field }, { requiredKeys: [] });
  const header = fc.dictionary(fc.constantFrom("a", "b", "__metadata__", "__proto__"), fc.oneof(entry, fc.jsonValue()));
  fc.assert(
    fc.property(header, fc.nat(12), (value, dataBytes) => {
      const text = new TextEncoder().encode(JSON.stringify(value));
      const bytes = new Uint8Array(8 + text.length + dataBytes);
      bytes.set(bytesOfArray(BigInt64Array.of(BigInt(text.length))));
      bytes.set(text, 8);
      returnsOrInputError(() => decodeSafetensors(bytes, "t"));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("safetensors: elements are little-endian", () => {
  const file = encodeSafetensors(new Map([["x", tensor("u16", [1], Uint16Array.of(0x0102))]]));
  assert.deepEqual(file.subarray(-2), Uint8Array.of(2, 1));
  assert.deepEqual(viewBytes("u16", file.slice(-2), 1), Uint16Array.of(0x0102));
});
