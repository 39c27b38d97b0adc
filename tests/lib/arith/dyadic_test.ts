import assert from "node:assert/strict";
import fc from "fast-check";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../../../lib/arith/dyadic.ts";

Deno.test("a dyadic number is within 2^-31 of its ratio and normalised", () => {
  fc.assert(
    fc.property(fc.double({ min: 2 ** -31, max: 2 ** 30, noNaN: true }), (ratio) => {
      const { multiplier, shift } = dyadicFromRatio(ratio);
      assert.ok(Number.isInteger(multiplier) && multiplier >= 2 ** 30 && multiplier < 2 ** 31);
      assert.ok(Number.isInteger(shift) && shift >= 0 && shift <= 62);
      assert.ok(Math.abs(multiplier / 2 ** shift / ratio - 1) <= 2 ** -31);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("powers of two and their neighbours are handled at the edge of the multiplier's range", () => {
  for (let e = -32; e <= 30; e++) {
    for (const ratio of [2 ** e, 2 ** e * (1 + Number.EPSILON), 2 ** e * (1 - Number.EPSILON / 2)]) {
      if (ratio < 2 ** -32) continue;
      const dyadic = dyadicFromRatio(ratio);
      assert.ok(dyadic.multiplier >= 2 ** 30 && dyadic.multiplier < 2 ** 31, `${ratio}`);
      assert.ok(Math.abs(dyadic.multiplier / 2 ** dyadic.shift / ratio - 1) <= 2 ** -31);
    }
  }
});

Deno.test("ratios outside the dyadic range are errors", () => {
  for (const ratio of [0, -1, NaN, Infinity, 2 ** -33, 2 ** 31]) {
    assert.throws(() => dyadicFromRatio(ratio), RangeError);
  }
});

Deno.test("with a common shift the largest ratio is exact and the others absolute to half a unit", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 8 }), (ratios) => {
      const { multipliers, shift } = dyadicsWithCommonShift(ratios);
      const largest = multipliers[ratios.indexOf(Math.max(...ratios))];
      assert.ok(largest >= 2 ** 30 && largest < 2 ** 31);
      multipliers.forEach((b, i) => assert.ok(Math.abs(b / 2 ** shift - ratios[i]) <= 2 ** -shift));
    }),
  );
});
