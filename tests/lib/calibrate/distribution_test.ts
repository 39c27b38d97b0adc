import assert from "node:assert/strict";
import fc from "fast-check";
import { distributionOf, magnitudesOf, quantile } from "../../../lib/calibrate/distribution.ts";
import { statisticsOf } from "./samples.ts";

const values = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 60 });

Deno.test("intervals ascend, lie apart, and hold the values between the exact extremes", () => {
  fc.assert(fc.property(values, (sample) => {
    const { lows, highs, counts, total, min, max } = distributionOf(statisticsOf([sample]));
    assert.equal(total, sample.length);
    assert.equal(min, Math.min(...sample) + 0);
    assert.equal(max, Math.max(...sample) + 0);
    let previous = -Infinity;
    counts.forEach((count, i) => {
      assert.ok(previous <= lows[i] && lows[i] <= highs[i]);
      previous = highs[i];
      const holds = (x: number): boolean =>
        lows[i] === 0 && highs[i] === 0 ? Math.abs(x) < 2 ** -40 : x >= lows[i] && x <= highs[i];
      assert.ok(sample.filter(holds).length >= count);
    });
  }));
});

Deno.test("a quantile is within one bin of that of the sorted values", () => {
  fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (sample, fraction) => {
    const sorted = sample.toSorted((a, b) => a - b);
    const rank = Math.min(Math.max(Math.ceil(fraction * sample.length), 1), sample.length) - 1;
    const found = quantile(distributionOf(statisticsOf([sample])), fraction);
    assert.ok(Math.abs(found - sorted[rank]) <= Math.abs(sorted[rank]) / 64 + 2 ** -40, `${found} ${sorted[rank]}`);
  }));
});

Deno.test("quantiles 0 and 1 are the extremes, and quantiles ascend", () => {
  fc.assert(fc.property(values, (sample) => {
    const distribution = distributionOf(statisticsOf([sample]));
    const quantiles = Array.from({ length: 21 }, (_, i) => quantile(distribution, i / 20));
    assert.deepEqual(quantiles, quantiles.toSorted((a, b) => a - b));
    if (Math.abs(distribution.min) >= 2 ** -40) assert.equal(quantiles[0], distribution.min);
    if (Math.abs(distribution.max) >= 2 ** -40) assert.equal(quantiles[20], distribution.max);
  }));
});

Deno.test("magnitudes have the statistics of the absolute values, but for the smallest of a signed sample", () => {
  fc.assert(fc.property(values, (sample) => {
    const folded = magnitudesOf(statisticsOf([sample]));
    const direct = statisticsOf([sample.map(Math.abs)]);
    assert.deepEqual(folded.bins, direct.bins);
    assert.deepEqual(folded.counts, direct.counts);
    assert.equal(folded.extremes[1], direct.extremes[1]);
    assert.ok(folded.extremes[0] <= direct.extremes[0] && folded.extremes[0] >= 0);
  }));
});
