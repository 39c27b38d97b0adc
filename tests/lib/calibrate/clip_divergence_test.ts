import assert from "node:assert/strict";
import { quantize, type Range } from "../../../lib/arith/quantization.ts";
import { clipDivergence, type LinearHistogram, linearHistogram } from "../../../lib/calibrate/clip_divergence.ts";
import { distributionOf } from "../../../lib/calibrate/distribution.ts";
import type { RangeTarget } from "../../../lib/calibrate/observer.ts";
import { quantizationOf } from "../../../lib/calibrate/range.ts";
import { DISTRIBUTIONS, draw, statisticsOf } from "./samples.ts";

/** The definition: P and Q written out bin by bin, the integer of a bin that of its centre. */
function divergenceByDefinition({ width, first, counts }: LinearHistogram, range: Range, target: RangeTarget): number {
  const quantization = quantizationOf(range, target);
  const bins = Array.from(counts, (count, i) => ({
    count,
    left: (first + i) * width,
    integer: quantize((first + i + 0.5) * width, quantization),
  }));
  const inside = bins.filter(({ left }) => left + width / 2 > range.min && left + width / 2 < range.max);
  const p = inside.map(({ count }) => count);
  p[0] += bins.filter(({ left }) => left < inside[0].left).reduce((sum, { count }) => sum + count, 0);
  p[p.length - 1] += bins.filter(({ left }) => left > inside[inside.length - 1].left)
    .reduce((sum, { count }) => sum + count, 0);
  const q = inside.map(({ count, integer }) => {
    const sharing = inside.filter((other) => other.integer === integer && other.count > 0);
    return count > 0 ? sharing.reduce((sum, other) => sum + other.count, 0) / sharing.length : 0;
  });
  const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const [pTotal, qTotal] = [total(p), total(q)];
  if (qTotal < pTotal / 2) return Infinity;
  return total(p.map((value, i) => value > 0 ? (value / pTotal) * Math.log(value / pTotal / (q[i] / qTotal)) : 0));
}

Deno.test("the divergence from running sums equals its definition", () => {
  const widest = (values: Float32Array): Range => ({ min: Math.min(0, ...values), max: Math.max(0, ...values) });
  for (const [name, sampler] of Object.entries(DISTRIBUTIONS)) {
    const values = draw(sampler, 400);
    const range = widest(values);
    const bound = Math.max(-range.min, range.max);
    const width = bound / 64;
    const histogram = linearHistogram(distributionOf(statisticsOf([values])), range, width);
    for (let bins = 2; bins <= 64; bins += 2) { // of an even number of bins none has its centre half-way between integers
      const clipped = { min: Math.max(range.min, -bins * width), max: Math.min(range.max, bins * width) };
      for (const bits of [2, 3, 5]) {
        for (const symmetric of [false, true]) {
          const found = clipDivergence(histogram, clipped, { bits, symmetric });
          const expected = divergenceByDefinition(histogram, clipped, { bits, symmetric });
          const where = `${name}, ${bins} bins, ${bits} bits: found ${found}, expected ${expected}`;
          assert.ok(found === expected || Math.abs(found - expected) < 1e-9, where);
          assert.ok(found > -1e-9, where);
        }
      }
    }
  }
});

Deno.test("linear bins hold every value but zeros, in proportion to the overlap", () => {
  const { first, counts, below } = linearHistogram(
    {
      name: "x",
      lows: Float64Array.of(-1, 0, 0.5, 4),
      highs: Float64Array.of(-0.5, 0, 2.5, 4),
      counts: Float64Array.of(2, 100, 8, 3),
      total: 113,
      min: -1,
      max: 4,
    },
    { min: -1, max: 4 },
    1,
  );
  assert.equal(first, -1);
  assert.deepEqual([...counts], [2, 2, 4, 2, 3]);
  assert.equal(below[5], 13);
});
