import assert from "node:assert/strict";
import { argmax } from "../../../lib/tensor/argmax.ts";

Deno.test("the largest element, of equal ones the first", () => {
  assert.equal(argmax([1, 3, 3, 2]), 1);
  assert.equal(argmax(Int32Array.of(-5, -7, -1)), 2);
  assert.equal(argmax([]), 0);
});
