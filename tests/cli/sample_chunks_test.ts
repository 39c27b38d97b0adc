import assert from "node:assert/strict";
import { runChunks, type SampleChunk, sourceOf, worthwhileThreads } from "../../cli/sample_chunks.ts";
import { JobPool } from "../../cli/workers.ts";
import type { Job } from "../../cli/jobs/job.ts";
import { type Dataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { makePreprocess } from "../../lib/format/preprocess.ts";

const PIXELS: Dataset = {
  kind: "pixels",
  name: "pixels",
  count: 23,
  sampleShape: [1, 1, 2],
  preprocess: makePreprocess(1, { mean: [0.5] }),
  sha256: "",
  notes: [],
  sample: (index) => Uint8Array.of(index, 255 - index),
};
const FLOATS: Dataset = { ...PIXELS, kind: "float", sample: (index) => Float32Array.of(index, -index) };

/** The inputs of a chunk, under their places in the dataset. */
const inputs: Job<null, SampleChunk, [number, number[]][]> = {
  name: "inputs",
  open: () =>
    function* (chunk) {
      const source = sourceOf(chunk);
      yield 0.5;
      return chunk.samples.map((_, i) => [chunk.first + i, [...sampleAsFloat(source, chunk.first + i)]]);
    },
};

for (const dataset of [PIXELS, FLOATS]) {
  for (const waiting of [undefined, 2]) {
    Deno.test(`${dataset.kind} in chunks, ${waiting ?? "any number of"} results waiting: each sample once, in order`, async () => {
      const found: [number, number[]][] = [];
      const shown: [number, number][] = [];
      let tasks = 0;
      const pool = new JobPool(inputs, null, { threads: 1, note: assert.fail });
      await runChunks(pool, {
        dataset,
        range: { first: 3, end: 20 },
        chunkSize: 4,
        waiting,
        taskOf(chunk) {
          assert.ok(chunk.samples.length <= 4);
          tasks++;
          return structuredClone(chunk);
        },
        onResult: (result) => void found.push(...result),
        onProgress: (done, total) => void shown.push([done, total]),
      });
      assert.equal(tasks, 5);
      const indices = Array.from({ length: 17 }, (_, i) => 3 + i);
      assert.deepEqual(found, indices.map((index) => [index, [...sampleAsFloat(dataset, index)]]));
      const done = shown.map(([samples]) => samples);
      assert.deepEqual(done, done.toSorted((a, b) => a - b));
      assert.deepEqual(shown.at(-1), [17, 17]);
    });
  }
}

Deno.test("results that come in another order are given in that of the samples", async () => {
  const found: string[] = [];
  await runChunks<SampleChunk, string>({
    run(count, taskAt, { onResult }) {
      for (let i = count - 1; i >= 0; i--) onResult(`from ${taskAt(i).first}`, i);
      return Promise.resolve();
    },
  }, {
    dataset: PIXELS,
    range: { first: 0, end: 23 },
    chunkSize: 5,
    waiting: 3,
    taskOf: (chunk) => chunk,
    onResult: (result) => void found.push(result),
    onProgress() {},
  });
  assert.deepEqual(found, ["from 0", "from 5", "from 10", "from 15", "from 20"]);
});

Deno.test("a chunk is sent without the rest of the data", async () => {
  const all = new Uint8Array(2 * 23);
  const dataset: Dataset = { ...PIXELS, sample: (index) => all.subarray(2 * index, 2 * index + 2) };
  const pool = new JobPool(inputs, null, { threads: 1, note: assert.fail });
  await runChunks(pool, {
    dataset,
    range: { first: 0, end: 23 },
    chunkSize: 8,
    taskOf(chunk) {
      for (const { buffer } of chunk.samples) assert.equal(buffer.byteLength, 2);
      return chunk;
    },
    onResult() {},
    onProgress() {},
  });
});

Deno.test("short work is worth one thread, long work all processors", () => {
  assert.deepEqual([0, 999, 2500, 1e6].map((ms) => worthwhileThreads(ms, 4)), [1, 1, 2, 4]);
});
