import assert from "node:assert/strict";
import fc from "fast-check";
import {
  activationQuantization,
  dequantize,
  quantize,
  symmetricActivationQuantization,
} from "../../../lib/arith/quantization.ts";
import type { Distribution } from "../../../lib/calibrate/distribution.ts";
import { expectedSquaredError } from "../../../lib/calibrate/expected_error.ts";

const POINTS = 4000;

/** The mean over evenly spaced points of each interval. */
function sampledError({ lows, highs, counts, total }: Distribution, squaredError: (x: number) => number): number {
  let sum = 0;
  counts.forEach((count, i) => {
    let interval = 0;
    for (let p = 0; p < POINTS; p++) interval += squaredError(lows[i] + (highs[i] - lows[i]) * ((p + 0.5) / POINTS));
    sum += count * (interval / POINTS);
  });
  return sum / total;
}

const distributions = fc.array(
  fc.record({
    gap: fc.double({ min: 0, max: 1, noNaN: true }),
    width: fc.oneof(fc.constant(0), fc.constant(1e-4), fc.double({ min: 0, max: 2, noNaN: true })),
    count: fc.integer({ min: 1, max: 100 }),
  }),
  { minLength: 1, maxLength: 5 },
).chain((intervals) => fc.double({ min: -3, max: 1, noNaN: true }).map((start) => ({ intervals, start })))
  .map(({ intervals, start }): Distribution => {
    let edge = start;
    const lows: number[] = [];
    const highs: number[] = [];
    for (const { gap, width } of intervals) {
      lows.push(edge += gap);
      highs.push(edge += width);
    }
    return {
      name: "x",
      lows: Float64Array.from(lows),
      highs: Float64Array.from(highs),
      counts: Float64Array.from(intervals, ({ count }) => count),
      total: intervals.reduce((sum, { count }) => sum + count, 0),
      min: lows[0],
      max: edge,
    };
  });

Deno.test("the closed form equals the mean squared error of many points in the intervals", () => {
  const ranges = fc.record({
    min: fc.double({ min: -2, max: 0, noNaN: true }),
    max: fc.double({ min: 0.01, max: 3, noNaN: true }),
  });
  fc.assert(fc.property(distributions, ranges, fc.integer({ min: 2, max: 8 }), fc.boolean(), (d, range, bits, even) => {
    const quantization = even ? symmetricActivationQuantization(range, bits) : activationQuantization(range, bits);
    const expected = sampledError(d, (x) => (x - dequantize(quantize(x, quantization), quantization)) ** 2);
    const found = expectedSquaredError(d, quantization);
    const tolerance = 0.01 * expected + 0.002 * quantization.scale ** 2;
    assert.ok(Math.abs(found - expected) <= tolerance, `found ${found}, expected ${expected}`);
  }));
});

Deno.test("a uniform interval of whole cells has error scale^2 / 12", () => {
  const quantization = activationQuantization({ min: 0, max: 255 }, 8);
  const uniform = {
    name: "x",
    lows: Float64Array.of(0.5),
    highs: Float64Array.of(254.5),
    counts: Float64Array.of(7),
    total: 7,
    min: 0.5,
    max: 254.5,
  };
  assert.ok(Math.abs(expectedSquaredError(uniform, quantization) - 1 / 12) < 1e-12);
});
