import assert from "node:assert/strict";
import { completeCalibration } from "../../../lib/calibrate/calibrate.ts";
import {
  decodeObservations,
  encodeObservations,
  mergeObservations,
  observeSamples,
} from "../../../lib/calibrate/observations.ts";
import { encodeSafetensors } from "../../../lib/format/safetensors.ts";
import { type Shard, shardOf } from "../../../lib/format/part.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";
import { expectError } from "../format/expect_error.ts";
import { canonicalGraph, TINY, tinyDataset } from "../sensitivity/tiny_network.ts";

const COUNT = 7;
const graph = canonicalGraph(TINY);
const dataset = tinyDataset(COUNT);
const all = Array.from({ length: COUNT }, (_, i) => i);

function indicesOf(index: number, count: number): number[] {
  const shard: Shard = { index, count };
  return shardOf(all, shard);
}

Deno.test("observations of shards, stored and read, merge in any order to those of all samples", () => {
  const expected = encodeObservations(observeSamples(graph, dataset, all));
  const order = seededRandom(5);
  for (const count of [1, 2, 3, 7, 9]) {
    const parts = all.concat([7, 8]).slice(0, count).map((i) => {
      const indices = indicesOf(i + 1, count);
      const stored = encodeObservations(observeSamples(graph, dataset, indices, { batch: 2 }));
      return decodeObservations(graph, indices, stored);
    });
    const shuffled = order.permutation(count).map((i) => parts[i]);
    const merged = mergeObservations(graph, shuffled);
    assert.deepEqual(encodeObservations(merged), expected, `${count} shards`);
    assert.deepEqual([...merged.statistics.keys()], [...observeSamples(graph, dataset, [0]).statistics.keys()]);
  }
});

Deno.test("a calibration of merged observations has the bytes of one of all samples at once", () => {
  const whole = completeCalibration(graph, dataset, observeSamples(graph, dataset, all), { method: "auto" });
  const parts = [3, 1, 2].map((index) => observeSamples(graph, dataset, indicesOf(index, 3)));
  const merged = completeCalibration(graph, dataset, mergeObservations(graph, parts), { method: "auto" });
  assert.deepEqual(merged.content, whole.content);
  assert.deepEqual(encodeSafetensors(merged.tensors), encodeSafetensors(whole.tensors));
});

Deno.test("observations of the same sample twice are refused", () => {
  const parts = [[0, 1], [1, 2]].map((indices) => observeSamples(graph, dataset, indices));
  expectError("input", () => mergeObservations(graph, parts), /sample 1 is in both/);
});

Deno.test("progress counts the samples of the shard", () => {
  const seen: string[] = [];
  observeSamples(graph, dataset, [1, 4, 6], { batch: 2, onProgress: (done, total) => seen.push(`${done}/${total}`) });
  assert.deepEqual(seen, ["1/3", "2/3", "3/3"]);
});

const [input] = graph.inputs;
const DAMAGE: Readonly<Record<string, [(tensors: Map<string, Tensor>) => void, RegExp]>> = {
  "a tensor gone": [
    (tensors) => {
      for (const key of [...tensors.keys()]) if (key.includes(`/${input}/`)) tensors.delete(key);
    },
    new RegExp(`found no statistics of tensor "${input}"`),
  ],
  "a tensor too many": [
    (tensors) => {
      for (const [key, found] of [...tensors]) {
        if (key.includes(`/${input}/`)) tensors.set(key.replace(`/${input}/`, "/other/"), found);
      }
    },
    /found statistics of tensor "other", which/,
  ],
  "sums gone": [
    (tensors) => tensors.delete(`channel-sums/${input}`),
    new RegExp(`tensor "channel-sums/${input}": found no such tensor, expected i64 \\[\\d+\\]`),
  ],
  "sums of another shape": [
    (tensors) => tensors.set(`channel-sums/${input}`, tensor("i64", [99], new BigInt64Array(99))),
    new RegExp(`tensor "channel-sums/${input}": found i64 \\[99\\], expected i64`),
  ],
  "sums that are not exact": [
    (tensors) => {
      const { shape } = tensors.get(`channel-sums/${input}`)!;
      tensors.set(`channel-sums/${input}`, tensor("i64", shape, new BigInt64Array(shape[0]).fill(1n << 60n)));
    },
    /found a sum beyond 2\^53/,
  ],
};

for (const [title, [damage, pattern]] of Object.entries(DAMAGE)) {
  Deno.test(`stored observations are refused: ${title}`, () => {
    const tensors = encodeObservations(observeSamples(graph, dataset, [0, 2]));
    decodeObservations(graph, [0, 2], tensors);
    damage(tensors);
    expectError("input", () => decodeObservations(graph, [0, 2], tensors), pattern);
  });
}

Deno.test("stored observations are refused: of other samples, of more, of fewer", () => {
  const tensors = encodeObservations(observeSamples(graph, dataset, [0, 2]));
  for (const indices of [[0, 3], [0, 2, 4], [0], []]) {
    expectError("input", () => decodeObservations(graph, indices, tensors), /statistics of tensor/);
  }
});
