import assert from "node:assert/strict";
import {
  awaitOutput,
  awaitSample,
  claimSample,
  closeQueue,
  createSampleQueue,
  filledCount,
  giveOutput,
  putSample,
  queuedSamples,
  type SampleQueue,
  stateOf,
  takeOutput,
} from "../../cli/sample_queue.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { makePreprocess } from "../../lib/format/preprocess.ts";

const PIXELS: Dataset = {
  kind: "pixels",
  name: "pixels",
  count: 1,
  sampleShape: [1, 1, 3],
  preprocess: makePreprocess(1),
  sha256: "",
  notes: [],
  sample: () => new Uint8Array(3),
};
const FLOATS: Dataset = { ...PIXELS, kind: "float", sample: () => new Float32Array(3) };

function queueFor(kind: "integer" | "float", dataset: Dataset, threads = 2): SampleQueue {
  return createSampleQueue({ kind, outputShape: [2] }, dataset, threads);
}

Deno.test("slots are a power of two, enough for all threads, and take a bounded amount of memory", () => {
  const small = queueFor("integer", PIXELS).slots;
  assert.ok(small >= 64);
  const image = { ...PIXELS, sampleShape: [3, 2000, 2000] };
  for (const threads of [1, 2, 3]) {
    const { slots } = queueFor("integer", image, threads);
    assert.ok(slots >= threads && slots * 12e6 < 3e8);
    assert.equal(Math.log2(slots) % 1, 0);
  }
});

Deno.test("samples are claimed in order and once, and outputs are copies, of either kind", () => {
  for (const [kind, dataset] of [["integer", PIXELS], ["float", FLOATS]] as const) {
    const queue = queueFor(kind, dataset);
    const samples = queuedSamples(queue);
    assert.equal(claimSample(queue), undefined);
    putSample(queue, [1, 2, 3]);
    putSample(queue, [4, 5, 6]);
    assert.deepEqual([claimSample(queue), awaitSample(queue), claimSample(queue)], [0, 1, undefined]);
    assert.deepEqual([...samples.sample(0), ...samples.sample(1)], [1, 2, 3, 4, 5, 6]);
    giveOutput(queue, 1, undefined);
    assert.equal(awaitOutput(queue, 0, 1), "open");
    giveOutput(queue, 0, kind === "integer" ? Int32Array.of(-7, 8) : Float32Array.of(-7, 8));
    assert.deepEqual([awaitOutput(queue, 0, 1), stateOf(queue, 1)], ["done", "refused"]);
    const output = takeOutput(queue, 0);
    assert.ok(!(output.buffer instanceof SharedArrayBuffer));
    assert.deepEqual(output, kind === "integer" ? Int32Array.of(-7, 8) : Float32Array.of(-7, 8));
  }
});

Deno.test("samples go on being counted beyond 2^31", () => {
  const queue = queueFor("integer", PIXELS);
  queue.counters.fill(2 ** 31 - 2, 0, 2);
  for (let i = 0; i < 3 * queue.slots; i++) {
    const number = filledCount(queue);
    putSample(queue, [i & 255, 0, 0]);
    const claimed = claimSample(queue)!;
    assert.equal(claimed, number);
    assert.equal(queuedSamples(queue).sample(claimed)[0], i & 255);
    giveOutput(queue, claimed, Int32Array.of(i, 0));
    assert.equal(takeOutput(queue, number)[0], i);
  }
});

Deno.test("a closed queue keeps nobody waiting", () => {
  const queue = queueFor("integer", PIXELS);
  closeQueue(queue);
  assert.equal(awaitSample(queue), undefined);
});
