import assert from "node:assert/strict";
import fc from "fast-check";
import { pearsonCorrelation, ranksOf, spearmanCorrelation } from "../../../lib/arith/correlation.ts";

const near = (found: number | undefined, expected: number): void => {
  assert.ok(found !== undefined && Math.abs(found - expected) < 1e-12, `${found}, expected ${expected}`);
};

Deno.test("equal values share the mean of their ranks", () => {
  assert.deepEqual(ranksOf([10, 20, 20, 5, 20]), [2, 4, 4, 1, 4]);
  assert.deepEqual(ranksOf([]), []);
  assert.deepEqual(ranksOf([3, 3]), [1.5, 1.5]);
});

Deno.test("correlations of known data", () => {
  // Anscombe's first quartet: R^2 = 0.667 (The American Statistician 27, 1973).
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
  near(pearsonCorrelation(x, y), 0.81642051634484);
  near(spearmanCorrelation(x, y), 1 - 6 * 40 / (11 * (11 ** 2 - 1))); // no ties; ranks differ by 40 in squares
  near(spearmanCorrelation([1, 2, 3, 4], [1, 8, 27, 1e9]), 1);
  near(spearmanCorrelation([1, 2, 3], [3, 2, 1]), -1);
  near(spearmanCorrelation([1, 1, 2], [1, 2, 3]), Math.sqrt(3) / 2); // with a tie
});

Deno.test("what does not vary has no correlation", () => {
  assert.equal(pearsonCorrelation([1, 2, 3], [0.1, 0.1, 0.1]), undefined);
  assert.equal(spearmanCorrelation([7, 7], [1, 2]), undefined);
  assert.equal(pearsonCorrelation([], []), undefined);
  assert.equal(pearsonCorrelation([1], [2]), undefined);
});

Deno.test("correlations do not depend on scale, offset or order, whatever the magnitude", () => {
  const value = fc.integer({ min: -1000, max: 1000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 20 }), fc.nat(300), (pairs, power) => {
      const [a, b] = [pairs.map(([left]) => left), pairs.map(([, right]) => right)];
      const scaled = a.map((each) => each * 10 ** (power - 150));
      for (const correlation of [pearsonCorrelation, spearmanCorrelation]) {
        const found = correlation(a, b);
        const again = correlation(scaled.toReversed(), b.toReversed());
        if (found === undefined) assert.equal(again, undefined);
        else assert.ok(Math.abs(again! - found) < 1e-9);
        assert.equal(correlation(b, a), found);
      }
    }),
  );
});
