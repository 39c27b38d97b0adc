import assert from "node:assert/strict";
import fc from "fast-check";
import { mergeStatistics, StatisticsCollector } from "../../../lib/calibrate/statistics.ts";
import { BIN_END, binOf, countOf, type TensorStatistics } from "../../../lib/format/tensor_statistics.ts";
import { statisticsOf } from "./samples.ts";

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const sampleLists = fc.array(fc.array(finite, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 12 });

Deno.test("counts and extremes equal those of counting one value at a time", () => {
  fc.assert(fc.property(sampleLists, (samples) => {
    const counts = new Map<number, number>();
    for (const value of samples.flat()) counts.set(binOf(value), (counts.get(binOf(value)) ?? 0) + 1);
    const bins = [...counts.keys()].sort((a, b) => a - b);
    const statistics = statisticsOf(samples);
    assert.deepEqual([...statistics.bins], bins);
    assert.deepEqual([...statistics.counts], bins.map((bin) => counts.get(bin)));
    assert.equal(countOf(statistics), samples.flat().length);
    assert.deepEqual([...statistics.samples], samples.map((_, i) => i));
    assert.deepEqual(
      [...statistics.extremes],
      samples.flatMap((values) => [Math.min(...values) + 0, Math.max(...values) + 0]),
    );
  }));
});

Deno.test("neither order, nor parts, nor shards change the statistics", () => {
  const scenario = sampleLists.chain((samples) =>
    fc.record({
      samples: fc.constant(samples),
      order: fc.shuffledSubarray(samples.map((_, i) => i), { minLength: samples.length }),
      shards: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: samples.length, maxLength: samples.length }),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
    })
  );
  fc.assert(fc.property(scenario, ({ samples, order, shards, cut }) => {
    const collectors = [0, 1, 2].map(() => new StatisticsCollector("x"));
    for (const sample of order) {
      const values = Float32Array.from(samples[sample]);
      const middle = Math.round(cut * values.length);
      collectors[shards[sample]].observe(values.subarray(middle), sample);
      collectors[shards[sample]].observe(values.subarray(0, middle), sample);
    }
    const [a, b, c] = collectors.map((collector) => collector.statistics());
    const whole = statisticsOf(samples);
    assert.deepEqual(mergeStatistics(mergeStatistics(a, b), c), whole);
    assert.deepEqual(mergeStatistics(a, mergeStatistics(b, c)), whole);
    assert.deepEqual(mergeStatistics(c, mergeStatistics(b, a)), whole);
  }));
});

Deno.test("both zeros, subnormals and everything under 2^-40 are zeros", () => {
  const { bins, counts, extremes } = statisticsOf([[0, -0, 1e-45, -1e-45, 2 ** -41, -(2 ** -41)], [-0]]);
  assert.deepEqual([...bins], [0]);
  assert.deepEqual([...counts], [7]);
  assert.deepEqual([...extremes], [-(2 ** -41), 2 ** -41, 0, 0]);
});

Deno.test("the ends of the bins are 2^-40 and the largest float32", () => {
  const largest = 2 ** 128 - 2 ** 104;
  const { bins } = statisticsOf([[2 ** -40, -(2 ** -40), largest, -largest]]);
  assert.deepEqual([...bins], [1 - BIN_END, -87 * 64, 87 * 64, BIN_END - 1]);
});

Deno.test("an empty part adds nothing", () => {
  const { samples, extremes, bins, counts } = statisticsOf([[]]);
  assert.deepEqual([samples.length, extremes.length, bins.length, counts.length], [0, 0, 0, 0]);
});

Deno.test("NaN and infinity are refused with the names of tensor and sample", () => {
  for (const [value, text] of [[NaN, "NaN"], [Infinity, "Infinity"], [-Infinity, "-Infinity"]] as const) {
    const collector = new StatisticsCollector("conv1_out");
    collector.observe(Float32Array.of(1, 2), 0);
    assert.throws(() => collector.observe(Float32Array.of(0, value, 3, value), 7), {
      name: "DyadError",
      kind: "input",
      message: new RegExp(`"conv1_out", sample 7: found 2 of 4 values not finite, the first is ${text} at element 1`),
    });
  }
});

Deno.test("statistics of different tensors, or of the same sample twice, do not merge", () => {
  const a: TensorStatistics = statisticsOf([[1], [2]]);
  assert.throws(() => mergeStatistics(a, { ...a, name: "y" }), /"x" cannot be merged with those of "y"/);
  assert.throws(() => mergeStatistics(a, statisticsOf([[3]], 1)), /"x": sample 1 is in both/);
});
