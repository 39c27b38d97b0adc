import assert from "node:assert/strict";
import { selectSamples } from "../../../lib/format/select_samples.ts";
import { expectError } from "./expect_error.ts";

Deno.test("samples are the first ones, or a subset that the seed decides, in data order", () => {
  assert.deepEqual(selectSamples(5, {}), [0, 1, 2, 3, 4]);
  assert.deepEqual(selectSamples(5, { limit: 3 }), [0, 1, 2]);
  assert.deepEqual(selectSamples(2, { limit: 3 }), [0, 1]);
  const [one, again, other] = [1, 1, 2].map((seed) => selectSamples(1000, { limit: 10, seed }));
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
  assert.deepEqual(one, [...new Set(one)].sort((a, b) => a - b));
  assert.equal(one.length, 10);
  expectError("usage", () => selectSamples(5, { limit: 0 }), /limit 0/);
});
