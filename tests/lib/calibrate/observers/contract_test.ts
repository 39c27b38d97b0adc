import assert from "node:assert/strict";
import fc from "fast-check";
import { dequantize, quantize, type Range } from "../../../../lib/arith/quantization.ts";
import { type CalibrationMethod, standardMethods } from "../../../../lib/calibrate/method.ts";
import type { RangeTarget } from "../../../../lib/calibrate/observer.ts";
import { OBSERVERS } from "../../../../lib/calibrate/observers/mod.ts";
import { quantizationOf } from "../../../../lib/calibrate/range.ts";
import { mergeStatistics } from "../../../../lib/calibrate/statistics.ts";
import type { TensorStatistics } from "../../../../lib/format/tensor_statistics.ts";
import { DISTRIBUTIONS, draw, statisticsOf } from "../samples.ts";

const WIDTHS = [2, 4, 8, 16];
const TARGETS: RangeTarget[] = WIDTHS.flatMap((bits) => [{ bits, symmetric: false }, { bits, symmetric: true }]);

const rangeBy = ({ observer, options }: CalibrationMethod, statistics: TensorStatistics, target: RangeTarget): Range =>
  observer.range(statistics, target, options);

function meanSquaredError(values: Float32Array, range: Range, target: RangeTarget): number {
  const quantization = quantizationOf(range, target);
  return values.reduce((sum, x) => sum + (x - dequantize(quantize(x, quantization), quantization)) ** 2, 0) /
    values.length;
}

Deno.test("every file in observers/ is in the list, names are unique and options have their defaults within limits", () => {
  const directory = new URL("../../../../lib/calibrate/observers/", import.meta.url);
  const files = Array.from(Deno.readDirSync(directory), ({ name }) => name).filter((name) => name !== "mod.ts");
  assert.deepEqual(
    OBSERVERS.map(({ name }) => name.replaceAll("-", "_") + ".ts").sort(),
    files.sort(),
  );
  const flags = OBSERVERS.flatMap(({ options }) => options);
  assert.equal(new Set(flags.map(({ name }) => name)).size, flags.length);
  for (const { name, low, high, default: value } of flags) assert.ok(low <= value && value <= high, name);
  for (const { name, description, settings } of OBSERVERS) {
    assert.ok(description.length > 0 && settings.length > 0, name);
  }
});

for (const method of standardMethods()) {
  const { name } = method;

  Deno.test(`${name}: batch order and shards do not change the range`, () => {
    const samples = Array.from({ length: 6 }, (_, i) => draw(DISTRIBUTIONS.laplace, 500, i));
    const whole = statisticsOf(samples);
    const [a, b, c] = [[0, 2], [2, 3], [3, 6]].map(([from, to]) => statisticsOf(samples.slice(from, to), from));
    for (const target of TARGETS) {
      const range = rangeBy(method, whole, target);
      assert.deepEqual(rangeBy(method, mergeStatistics(c, mergeStatistics(b, a)), target), range);
      assert.deepEqual(rangeBy(method, mergeStatistics(mergeStatistics(a, c), b), target), range);
    }
  });

  Deno.test(`${name}: the range is finite, holds zero, stays inside min-max, and lib/arith takes it`, () => {
    const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 30 });
    const tame = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.oneof(values, tame), fc.constantFrom(...TARGETS), (sample, target) => {
        const { min, max } = rangeBy(method, statisticsOf([sample]), target);
        assert.ok(Number.isFinite(min) && Number.isFinite(max) && min <= 0 && max >= 0, `${min} ${max}`);
        assert.ok(!Object.is(min, -0) && !Object.is(max, -0));
        const lowest = Math.min(0, ...sample);
        const highest = Math.max(0, ...sample);
        const bound = Math.max(-lowest, highest);
        assert.ok(min >= (target.symmetric && lowest < 0 ? -bound : lowest), `${min}`);
        assert.ok(max <= (target.symmetric && lowest < 0 ? bound : highest), `${max}`);
        const { scale, zeroPoint } = quantizationOf({ min, max }, target);
        assert.ok(scale > 0 && Number.isFinite(scale) && Number.isInteger(zeroPoint));
      }),
      { numRuns: 40 },
    );
  });

  Deno.test(`${name}: equal statistics give equal ranges`, () => {
    const sample = draw(DISTRIBUTIONS.swish, 1000);
    for (const target of TARGETS) {
      assert.deepEqual(
        rangeBy(method, statisticsOf([sample]), target),
        rangeBy(method, statisticsOf([sample.toReversed()]), target),
      );
    }
  });

  Deno.test(`${name}: constant tensors keep their value, all-zero tensors have the range 0`, () => {
    for (const target of TARGETS) {
      for (const value of [3.3, -0.7, 1e-30, 3e38]) {
        const constant = Math.fround(value);
        const range = rangeBy(method, statisticsOf([[constant, constant], [constant]]), target);
        const quantization = quantizationOf(range, target);
        const step = Math.abs(constant) * 2 ** -7 + quantization.scale * 0.51;
        const found = dequantize(quantize(constant, quantization), quantization);
        assert.ok(Math.abs(found - constant) <= step, `${constant} became ${found}`);
      }
      assert.deepEqual(rangeBy(method, statisticsOf([[0, 0], [-0]]), target), { min: 0, max: 0 });
    }
  });

  Deno.test(`${name}: without values an error names the tensor`, () => {
    assert.throws(() => rangeBy(method, statisticsOf([]), TARGETS[0]), {
      kind: "input",
      message: /tensor "x": no value was seen/,
    });
  });

  Deno.test(`${name}: scaling the data by a power of two scales the range`, () => {
    for (const distribution of ["laplace", "relu"]) {
      const sample = draw(DISTRIBUTIONS[distribution], 2000);
      for (const target of TARGETS) {
        const { min, max } = rangeBy(method, statisticsOf([sample]), target);
        const scaled = rangeBy(method, statisticsOf([sample.map((x) => 8 * x)]), target);
        assert.ok(
          Math.abs(scaled.min - 8 * min) <= 1e-6 - 0.01 * scaled.min,
          `${distribution} ${scaled.min} ${8 * min}`,
        );
        assert.ok(
          Math.abs(scaled.max - 8 * max) <= 1e-6 + 0.01 * scaled.max,
          `${distribution} ${scaled.max} ${8 * max}`,
        );
      }
    }
  });

  Deno.test(`${name}: at 8 bits the error is within a hundred times that of the best method`, () => {
    for (const [distribution, sampler] of Object.entries(DISTRIBUTIONS)) {
      if (distribution === "outliers") continue; // what a method does with them is the difference between methods
      const sample = draw(sampler, 20_000);
      const statistics = statisticsOf([sample]);
      const target = { bits: 8, symmetric: false };
      const errors = standardMethods().map((each) =>
        meanSquaredError(sample, rangeBy(each, statistics, target), target)
      );
      const own = meanSquaredError(sample, rangeBy(method, statistics, target), target);
      assert.ok(own <= 100 * Math.min(...errors), `${distribution}: ${own} against ${Math.min(...errors)}`);
    }
  });
}
