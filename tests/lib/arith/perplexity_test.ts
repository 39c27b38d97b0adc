import assert from "node:assert/strict";
import { surpriseOf } from "../../../lib/arith/perplexity.ts";

Deno.test("the surprise of targets, by hand", () => {
  const logits = Float32Array.from([Math.log(1), Math.log(3), Math.log(6), Math.log(2)]);
  assert.ok(Math.abs(surpriseOf(logits, [1, 0]) - (Math.log(4 / 3) + Math.log(8 / 6))) < 1e-6);
  assert.ok(Math.abs(surpriseOf(new Float32Array(50), [7]) - Math.log(50)) < 1e-12);
  assert.throws(() => surpriseOf(logits, [2, 0]), /found the target 2, expected 0 to 1/);
  assert.throws(() => surpriseOf(logits, [0, 0, 0]), RangeError);
});
