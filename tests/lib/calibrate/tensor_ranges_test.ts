import assert from "node:assert/strict";
import { methodNamed, standardMethods } from "../../../lib/calibrate/method.ts";
import { CALIBRATED_BITS, tensorRanges } from "../../../lib/calibrate/tensor_ranges.ts";
import { rangeOf } from "../../../lib/format/calibration.ts";
import { DISTRIBUTIONS, draw, statisticsOf } from "./samples.ts";

Deno.test("later stages look up what the observers answer, to 9 digits, at every width", () => {
  for (const sampler of [DISTRIBUTIONS.laplace, DISTRIBUTIONS.relu]) {
    const statistics = statisticsOf([draw(sampler, 5000)]);
    const calibration = { tensors: [{ name: "x", ...tensorRanges(statistics, standardMethods()) }] };
    for (const { name, observer, options } of standardMethods()) {
      for (const bits of CALIBRATED_BITS) {
        for (const symmetric of [false, true]) {
          const direct = observer.range(statistics, { bits, symmetric }, options);
          const { min, max } = rangeOf(calibration, "x", name, bits, symmetric);
          const even = symmetric && direct.min < 0;
          const bound = Math.max(-direct.min, direct.max);
          assert.ok(Math.abs(min - (even ? -bound : direct.min)) <= 1e-8 * bound);
          assert.ok(Math.abs(max - (even ? bound : direct.max)) <= 1e-8 * bound);
        }
      }
    }
  }
});

Deno.test("methods that do not depend on the bits are one entry, those that do have one for each", () => {
  const { ranges } = tensorRanges(statisticsOf([draw(DISTRIBUTIONS.laplace, 5000)]), standardMethods());
  assert.deepEqual(Object.keys(ranges["min-max"]), ["any"]);
  assert.deepEqual(Object.keys(ranges["percentile-99.9"]), ["any"]);
  assert.deepEqual(Object.keys(ranges.mse), CALIBRATED_BITS.map(String));
});

Deno.test("only tensors with negative values have symmetric ranges", () => {
  const methods = [methodNamed("min-max")];
  assert.deepEqual(tensorRanges(statisticsOf([[0, 2]]), methods), {
    ranges: { "min-max": { any: { min: 0, max: 2 } } },
  });
  assert.deepEqual(tensorRanges(statisticsOf([[-1, 2]]), methods), {
    ranges: { "min-max": { any: { min: -1, max: 2 } } },
    symmetricRanges: { "min-max": { any: { min: -2, max: 2 } } },
  });
});
