import assert from "node:assert/strict";
import { standardErrorsBelow } from "../../../lib/arith/paired_difference.ts";

Deno.test("standard errors of a paired difference, by hand", () => {
  // Differences 1, 2, 3: mean 2, variance 1, standard error 1 / sqrt(3).
  assert.ok(Math.abs(standardErrorsBelow([0, 0, 0], [1, 2, 3]) - 2 * Math.sqrt(3)) < 1e-12);
  assert.ok(Math.abs(standardErrorsBelow([1, 2, 3], [0, 0, 0]) + 2 * Math.sqrt(3)) < 1e-12);
  assert.equal(standardErrorsBelow([4, 5], [4, 5]), 0);
  assert.equal(standardErrorsBelow([1, 1], [2, 2]), Infinity);
  assert.throws(() => standardErrorsBelow([1], [2]), /cannot pair 1 with 1 samples/);
  assert.throws(() => standardErrorsBelow([1, 2], [2]), RangeError);
});
