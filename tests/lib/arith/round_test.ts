import assert from "node:assert/strict";
import fc from "fast-check";
import { rescaleRoundHalfUp, rescaleRoundHalfUpExact, roundHalfUp } from "../../../lib/arith/round.ts";

const exact = (value: number, multiplier: number, shift: number): bigint =>
  rescaleRoundHalfUpExact(BigInt(value), BigInt(multiplier), BigInt(shift));

const INT32 = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 29, -(2 ** 29)),
);
const MULTIPLIER = fc.oneof(
  fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.constantFrom(0, 1, 2 ** 30, 2 ** 31 - 1),
);
const SHIFT = fc.integer({ min: 0, max: 62 });

Deno.test("the float64 form has the bits of the definition wherever a float64 can hold them", () => {
  fc.assert(
    fc.property(INT32, MULTIPLIER, SHIFT, (value, multiplier, shift) => {
      const expected = exact(value, multiplier, shift);
      const found = rescaleRoundHalfUp(value, multiplier, shift);
      if (expected >= -(2n ** 53n) && expected <= 2n ** 53n) assert.equal(BigInt(found), expected);
      else assert.ok(Math.sign(found) === (expected > 0n ? 1 : -1) && Math.abs(found) > 2 ** 52);
    }),
    { numRuns: 20000 },
  );
});

Deno.test("exact halves round up, once", () => {
  assert.equal(rescaleRoundHalfUp(1, 2 ** 30, 31), 1);
  assert.equal(rescaleRoundHalfUp(-1, 2 ** 30, 31) + 0, 0);
  assert.equal(rescaleRoundHalfUp(3, 2 ** 30, 31), 2);
  assert.equal(rescaleRoundHalfUp(-3, 2 ** 30, 31), -1);
  assert.equal(exact(1, 2 ** 30, 31), 1n);
  assert.equal(exact(-1, 2 ** 30, 31), 0n);
});

Deno.test("halves of every shift agree with the definition", () => {
  for (let shift = 1; shift <= 62; shift++) {
    for (const odd of [-7, -5, -3, -1, 1, 3, 5, 7]) {
      const multiplier = shift <= 31 ? 2 ** (shift - 1) : 2 ** 30;
      if (multiplier < 1) continue;
      assert.equal(BigInt(rescaleRoundHalfUp(odd, multiplier, shift)), exact(odd, multiplier, shift));
    }
  }
});

Deno.test("without a shift there is no rounding constant", () => {
  assert.equal(rescaleRoundHalfUp(-5, 2 ** 30, 0), -5 * 2 ** 30);
  assert.equal(exact(-5, 2 ** 30, 0), -5n * 2n ** 30n);
});

Deno.test("roundHalfUp rounds halves towards plus infinity", () => {
  assert.deepEqual([0.5, -0.5, 1.5, -1.5, 2.49].map((v) => roundHalfUp(v) + 0), [1, 0, 2, -1, 2]);
});
