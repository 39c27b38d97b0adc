import assert from "node:assert/strict";
import fc from "fast-check";
import { gunzip } from "../../../lib/format/gzip.ts";
import { decodeIdx, isIdx } from "../../../lib/format/idx.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";

const IDX = new URL("../../../testdata/data/idx/", import.meta.url);

function read(name: string) {
  return decodeIdx(gunzip(Deno.readFileSync(new URL(name, IDX)), name), name);
}

Deno.test("idx: the test split has 10,000 images of 28x28 and a label from 0 to 9 for each", () => {
  const images = read("t10k-images-idx3-ubyte.gz");
  const labels = read("t10k-labels-idx1-ubyte.gz");
  assert.deepEqual([images.dtype, images.shape], ["u8", [10000, 28, 28]]);
  assert.deepEqual([labels.dtype, labels.shape], ["u8", [10000]]);
  assert.deepEqual([...labels.data.slice(0, 5)].map(Number), [9, 2, 1, 1, 6]);
  const counts = new Array(10).fill(0);
  for (const label of labels.data) counts[Number(label)]++;
  assert.deepEqual(counts, new Array(10).fill(1000));
});

Deno.test("idx: every type, big-endian", () => {
  const cases: [number, number[], string, number[]][] = [
    [0x08, [255, 1], "u8", [255, 1]],
    [0x09, [255, 1], "i8", [-1, 1]],
    [0x0b, [255, 254, 0, 1], "i16", [-2, 1]],
    [0x0c, [255, 255, 255, 253, 0, 0, 1, 0], "i32", [-3, 256]],
    [0x0d, [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], "f32", [1, -2]],
    [0x0e, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], "f64", [1, -2]],
  ];
  for (const [type, data, dtype, values] of cases) {
    const decoded = decodeIdx(Uint8Array.of(0, 0, type, 1, 0, 0, 0, 2, ...data), "x.idx");
    assert.equal(decoded.dtype, dtype);
    assert.deepEqual([...decoded.data], values);
  }
});

Deno.test("idx: wrong magic and wrong lengths are input errors", () => {
  expectError("input", () => decodeIdx(Uint8Array.of(0, 0, 7, 1), "x.idx"), "x.idx: found the first bytes 00 00 07 01");
  expectError("input", () => decodeIdx(new Uint8Array(0), "x.idx"), "first bytes missing");
  expectError("input", () => decodeIdx(Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1), "x.idx"), "cut short");
  const short = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 1, 2);
  expectError("input", () => decodeIdx(short, "x.idx"), "found 2 bytes of data, expected 3 for 3 elements of u8");
  const huge = Uint8Array.of(0, 0, 8, 3, ...new Array(12).fill(255), 1);
  expectError("input", () => decodeIdx(huge, "x.idx"), "more than any file holds");
  assert.ok(!isIdx(Uint8Array.of(0, 0, 8, 0)));
});

Deno.test("idx: a damaged file is read or refused, never anything else", () => {
  const file = Uint8Array.of(0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4);
  fc.assert(fc.property(mutations(file), (bytes) => returnsOrInputError(() => decodeIdx(bytes, "x.idx"))), {
    numRuns: 1000,
  });
});
