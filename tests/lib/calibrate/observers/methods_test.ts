import assert from "node:assert/strict";
import fc from "fast-check";
import { dequantize, quantize, type Range } from "../../../../lib/arith/quantization.ts";
import type { RangeTarget } from "../../../../lib/calibrate/observer.ts";
import { entropy } from "../../../../lib/calibrate/observers/entropy.ts";
import { minMax } from "../../../../lib/calibrate/observers/min_max.ts";
import { movingAverage } from "../../../../lib/calibrate/observers/moving_average.ts";
import { mse } from "../../../../lib/calibrate/observers/mse.ts";
import { percentile } from "../../../../lib/calibrate/observers/percentile.ts";
import { quantizationOf } from "../../../../lib/calibrate/range.ts";
import { DISTRIBUTIONS, draw, statisticsOf } from "../samples.ts";

const affine = (bits: number): RangeTarget => ({ bits, symmetric: false });
const symmetric = (bits: number): RangeTarget => ({ bits, symmetric: true });

function assertNear(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `found ${found}, expected ${expected} within ${tolerance}`);
}

Deno.test("min-max is the extremes over all samples, widened to zero", () => {
  assert.deepEqual(minMax.range(statisticsOf([[1, 2], [-3, 0.5]]), affine(8), {}), { min: -3, max: 2 });
  assert.deepEqual(minMax.range(statisticsOf([[1, 2]]), affine(8), {}), { min: 0, max: 2 });
  assert.deepEqual(minMax.range(statisticsOf([[-4, -2]]), affine(8), {}), { min: -4, max: 0 });
});

Deno.test("moving average goes through the samples in data order", () => {
  const samples = [[-1, 4], [-2, 8], [0, 2]];
  const range = movingAverage.range(statisticsOf(samples), affine(8), { momentum: 0.75 });
  assertNear(range.min, 0.75 * (0.75 * -1 + 0.25 * -2) + 0.25 * 0, 1e-12);
  assertNear(range.max, 0.75 * (0.75 * 4 + 0.25 * 8) + 0.25 * 2, 1e-12);
  assert.deepEqual(movingAverage.range(statisticsOf(samples), affine(8), { momentum: 0 }), { min: 0, max: 2 });
  const reversed = movingAverage.range(statisticsOf(samples.toReversed()), affine(8), { momentum: 0.75 });
  assert.notDeepEqual(reversed, range);
});

Deno.test("percentile of a tensor of one sign cuts its far end only", () => {
  const ramp = Float32Array.from({ length: 10_000 }, (_, i) => 1 + i / 10_000);
  const { min, max } = percentile.range(statisticsOf([ramp]), affine(8), { percentile: 90 });
  assert.equal(min, 0);
  assertNear(max, 1.9, 1e-3);
  const below = percentile.range(statisticsOf([ramp.map((x) => -x)]), affine(8), { percentile: 90 });
  assertNear(below.min, -1.9, 1e-3);
  assert.equal(below.max, 0);
});

Deno.test("percentile of a signed tensor cuts half from each end, or from |x| when symmetric", () => {
  const ramp = Float32Array.from({ length: 20_001 }, (_, i) => (i - 5_000) / 10_000); // -0.5 .. 1.5
  const cut = percentile.range(statisticsOf([ramp]), affine(8), { percentile: 90 });
  assertNear(cut.min, -0.4, 0.005);
  assertNear(cut.max, 1.4, 0.005);
  const even = percentile.range(statisticsOf([ramp]), symmetric(8), { percentile: 90 });
  assertNear(even.max, 1.3, 0.005); // 20 % of 1.5 is above 1.3 on one side alone
  assert.equal(even.min, -even.max);
});

Deno.test("percentile 100 is min-max, and ranges grow with the percentage", () => {
  const value = fc.float({ min: -100, max: 100, noNaN: true }).map((x) => Math.abs(x) < 2 ** -40 ? 0 : x);
  const samples = fc.array(value, { minLength: 1, maxLength: 50 });
  fc.assert(fc.property(samples, fc.double({ min: 50, max: 100, noNaN: true }), fc.boolean(), (values, p, half) => {
    const statistics = statisticsOf([values]);
    const widest = minMax.range(statistics, affine(8), {});
    assert.deepEqual(percentile.range(statistics, affine(8), { percentile: 100 }), widest);
    const target = { bits: 8, symmetric: half };
    const small = percentile.range(statistics, target, { percentile: p });
    const large = percentile.range(statistics, target, { percentile: Math.min(100, p + 5) });
    assert.ok(large.min <= small.min && small.max <= large.max);
  }));
});

Deno.test("entropy clips the outliers of a gaussian and keeps its body", () => {
  const values = Float32Array.of(...draw(DISTRIBUTIONS.gaussian, 50_000), 60, -55, 40);
  for (const target of [affine(8), symmetric(8), affine(4), symmetric(4)]) {
    const { min, max } = entropy.range(statisticsOf([values]), target, {});
    assert.ok(max > 2.5 && max < 10, `${max}`);
    assert.ok(min < -2.5 && min > -10, `${min}`);
  }
});

Deno.test("entropy leaves a uniform tensor and a saturated one whole", () => {
  const uniform = Float32Array.from({ length: 40_000 }, (_, i) => (i + 1) / 40_000);
  assertNear(entropy.range(statisticsOf([uniform]), affine(8), {}).max, 1, 0.01);
  const saturated = draw((random) => Math.min(6, Math.max(0, 4 * random.normal())), 40_000);
  assertNear(entropy.range(statisticsOf([saturated]), affine(8), {}).max, 6, 0.01);
});

Deno.test("entropy does not clip away values that begin far from zero", () => {
  const values = draw((random) => 1 + random.uniform(), 20_000);
  for (const bits of [2, 4, 8]) {
    assertNear(entropy.range(statisticsOf([values]), affine(bits), {}).max, 2, 0.1);
    assertNear(entropy.range(statisticsOf([values.map((x) => -x)]), affine(bits), {}).min, -2, 0.1);
  }
});

Deno.test("entropy takes no notice of how many zeros a ReLU made", () => {
  const values = draw((random) => Math.abs(random.normal()), 20_000);
  const padded = new Float32Array(200_000);
  padded.set(values);
  for (const bits of [3, 4, 8]) {
    assert.deepEqual(
      entropy.range(statisticsOf([padded]), affine(bits), {}),
      entropy.range(statisticsOf([values]), affine(bits), {}),
    );
  }
});

Deno.test("entropy is min-max where the integers are as fine as its bins", () => {
  const statistics = statisticsOf([draw(DISTRIBUTIONS.outliers, 20_000)]);
  assert.deepEqual(entropy.range(statistics, affine(16), {}), minMax.range(statistics, affine(16), {}));
});

Deno.test("mse: measured on the values, the error is at most that of min-max and of every other clip", () => {
  for (const [name, sampler] of Object.entries(DISTRIBUTIONS)) {
    const values = draw(sampler, 10_000);
    const statistics = statisticsOf([values]);
    for (const target of [2, 3, 4, 6, 8].flatMap((bits) => [affine(bits), symmetric(bits)])) {
      const error = (range: Range): number => {
        const quantization = quantizationOf(range, target);
        return values.reduce((sum, x) => sum + (x - dequantize(quantize(x, quantization), quantization)) ** 2, 0);
      };
      const found = error(mse.range(statistics, target, {}));
      const widest = minMax.range(statistics, target, {});
      for (let tenths = 1; tenths <= 10; tenths++) {
        const other = error({ min: (widest.min * tenths) / 10, max: (widest.max * tenths) / 10 });
        assert.ok(found <= other * 1.03, `${name} ${target.bits} bits, clipped at ${tenths}/10: ${found} > ${other}`);
      }
    }
  }
});

Deno.test("mse finds the known optimal clip of a gaussian: 4-bit symmetric near 2.5 standard deviations", () => {
  const { min, max } = mse.range(statisticsOf([draw(DISTRIBUTIONS.gaussian, 100_000)]), symmetric(4), {});
  assertNear(Math.max(-min, max), 2.5, 0.15);
});

Deno.test("mse widens with the bits", () => {
  for (const name of ["gaussian", "laplace", "relu"]) {
    const statistics = statisticsOf([draw(DISTRIBUTIONS[name], 20_000)]);
    const widths = [2, 4, 6, 8, 16].map((bits) => {
      const { min, max } = mse.range(statistics, affine(bits), {});
      return max - min;
    });
    assert.deepEqual(widths, widths.toSorted((a, b) => a - b), name);
  }
});
