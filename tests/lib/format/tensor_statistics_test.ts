import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSafetensors, encodeSafetensors } from "../../../lib/format/safetensors.ts";
import {
  BIN_END,
  BIN_MIN,
  binEdge,
  binOf,
  countOf,
  decodeStatistics,
  encodeStatistics,
  extremesOf,
  type TensorStatistics,
} from "../../../lib/format/tensor_statistics.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";

const example: TensorStatistics = {
  name: "a/bin",
  samples: Int32Array.of(0, 3),
  extremes: Float32Array.of(-1, 2, 0, 5),
  bins: Int32Array.of(binOf(-1), 0, binOf(2), binOf(5)),
  counts: Float64Array.of(1, 2 ** 40, 3, 1),
};

Deno.test("a value lies between the edge of its bin and the next", () => {
  const magnitudes = fc.float({ min: Math.fround(2 ** -40), noNaN: true, noDefaultInfinity: true });
  fc.assert(fc.property(magnitudes, fc.boolean(), (magnitude, negative) => {
    const bin = binOf(negative ? -magnitude : magnitude);
    assert.equal(bin < 0, negative);
    assert.ok(binEdge(Math.abs(bin)) <= magnitude && magnitude < binEdge(Math.abs(bin) + 1));
  }));
});

Deno.test("edges of bins: 2^-40, 64 steps in each octave, 2^128", () => {
  assert.equal(binEdge(BIN_MIN), 2 ** -40);
  assert.equal(binEdge(BIN_END), 2 ** 128);
  assert.equal(binEdge(binOf(1)), 1);
  assert.equal(binEdge(binOf(1) + 1), 1 + 1 / 64);
  assert.equal(binOf(2) - binOf(1), 64);
  assert.equal(binOf(-0.75), -binOf(0.75));
  assert.equal(binOf(2 ** -41), 0);
});

Deno.test("statistics survive a safetensors file", () => {
  const empty = {
    name: "",
    samples: new Int32Array(0),
    extremes: new Float32Array(0),
    bins: new Int32Array(0),
    counts: new Float64Array(0),
  };
  const statistics = new Map([[example.name, example], ["", empty]]);
  const bytes = encodeSafetensors(encodeStatistics(statistics));
  assert.deepEqual(new Map(decodeStatistics(decodeSafetensors(bytes, "x.safetensors").tensors)), statistics);
});

Deno.test("the companion file holds four tensors for each, tensors of other names are left alone", () => {
  const tensors = encodeStatistics(new Map([["a", { ...example, name: "a" }]]));
  assert.deepEqual(
    Array.from(tensors, ([name, { dtype, shape }]) => [name, dtype, shape]),
    [
      ["extremes/a/sample", "i32", [2]],
      ["extremes/a/range", "f32", [2, 2]],
      ["histogram/a/bin", "i32", [4]],
      ["histogram/a/count", "i64", [4]],
    ],
  );
  tensors.set("weights/a", tensor("f32", [0], new Float32Array(0)));
  assert.deepEqual([...decodeStatistics(tensors).keys()], ["a"]);
});

Deno.test("count and extremes over all samples", () => {
  assert.equal(countOf(example), 2 ** 40 + 5);
  assert.deepEqual(extremesOf(example), { min: -1, max: 5 });
  assert.throws(
    () => extremesOf({ ...example, samples: new Int32Array(0), extremes: new Float32Array(0) }),
    { kind: "input", message: /"a\/bin": no value was seen/ },
  );
});

Deno.test("statistics that calibration cannot have written are refused", () => {
  const wrong: [Partial<TensorStatistics>, RegExp][] = [
    [{ extremes: Float32Array.of(-1, 2) }, /2 samples have 2 extremes/],
    [{ counts: Float64Array.of(1) }, /4 bins have 1 counts/],
    [{ samples: Int32Array.of(3, 0) }, /sample 0 is out of order/],
    [{ samples: Int32Array.of(-1, 0) }, /sample -1 is out of order/],
    [{ extremes: Float32Array.of(-1, 2, NaN, 5) }, /sample 3 has the extremes NaN and 5/],
    [{ extremes: Float32Array.of(-1, 2, 5, 0) }, /sample 3 has the extremes 5 and 0/],
    [{ extremes: Float32Array.of(-1, 2, 0, 4) }, /-1 and 4 are not in the first and last bin/],
    [{ bins: Int32Array.of(binOf(-1), 5, binOf(2), binOf(5)) }, /there is no bin 5;/],
    [{ bins: Int32Array.of(binOf(-1), 0, binOf(2), BIN_END) }, /there is no bin 16320/],
    [{ bins: Int32Array.of(binOf(-1), binOf(2), 0, binOf(5)) }, /bin 0 is out of order/],
    [{ counts: Float64Array.of(1, 0, 3, 1) }, /bin 0 has count 0/],
    [{ counts: Float64Array.of(1, -2, 3, 1) }, /bin 0 has count -2/],
    [{ counts: Float64Array.of(1, 2 ** 60, 3, 1) }, /bin 0 has count/],
    [{ bins: new Int32Array(0), counts: new Float64Array(0) }, /2 samples fill 0 bins/],
  ];
  for (const [change, message] of wrong) {
    const changed = { ...example, ...change };
    const tensors = new Map<string, Tensor>([
      ["extremes/a/sample", tensor("i32", [changed.samples.length], changed.samples)],
      ["extremes/a/range", tensor("f32", [changed.extremes.length], changed.extremes)],
      ["histogram/a/bin", tensor("i32", [changed.bins.length], changed.bins)],
      ["histogram/a/count", tensor("i64", [changed.counts.length], BigInt64Array.from(changed.counts, BigInt))],
    ]);
    assert.throws(() => decodeStatistics(tensors), { kind: "input", message }, String(message));
  }
  const missing = encodeStatistics(new Map([["a", example]]));
  missing.delete("extremes/a/range");
  assert.throws(() => decodeStatistics(missing), /tensor "a": "extremes\/a\/range" is missing/);
  const dtype = encodeStatistics(new Map([["a", example]]));
  dtype.set("histogram/a/count", tensor("i32", [4], Int32Array.of(1, 1, 1, 1)));
  assert.throws(() => decodeStatistics(dtype), /"histogram\/a\/count": found dtype i32, expected i64/);
});
