import assert from "node:assert/strict";
import { codeMatrix, decodeMatrix } from "../../../../lib/arith/binary_codes/coded_matrix.ts";
import { CODE_METHODS } from "../../../../lib/arith/binary_codes/methods/mod.ts";
import { ALTERNATING } from "../../../../lib/arith/binary_codes/methods/alternating.ts";
import { TERNARY } from "../../../../lib/arith/binary_codes/methods/ternary.ts";
import { seededRandom } from "../../../../lib/tensor/random.ts";

function gaussian(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, random.normal);
}

for (const method of CODE_METHODS) {
  Deno.test(`${method.name}: rows and groups of columns are coded by themselves, the last group may be narrower`, () => {
    const weights = gaussian(3 * 10, 1);
    const matrix = codeMatrix(weights, 3, { method, bits: 2, groupColumns: 4 });
    assert.equal(matrix.coefficients.length, 3 * 3 * 2);
    const decoded = decodeMatrix(matrix);
    for (const [row, first, end] of [[0, 0, 4], [1, 4, 8], [2, 8, 10]]) {
      const part = weights.slice(10 * row + first, 10 * row + end);
      const alone = decodeMatrix(codeMatrix(part, 1, { method, bits: 2 }));
      assert.deepEqual(decoded.slice(10 * row + first, 10 * row + end), alone);
    }
  });
}

Deno.test("decoded codes are a fixed point of alternating", () => {
  const decoded = decodeMatrix(codeMatrix(gaussian(4 * 64, 2), 4, { method: ALTERNATING, bits: 2 }));
  const again = decodeMatrix(codeMatrix(decoded, 4, { method: ALTERNATING, bits: 2 }));
  decoded.forEach((weight, i) => assert.ok(Math.abs(weight - again[i]) < 1e-6, `element ${i}: ${weight}, ${again[i]}`));
});

Deno.test("what cannot be coded is named", () => {
  const weights = Float32Array.of(1, 2, 3, NaN);
  assert.throws(() => codeMatrix(weights, 2, { method: ALTERNATING, bits: 2 }), /weight \[1, 1\] is NaN/);
  assert.throws(() => codeMatrix(weights, 3, { method: ALTERNATING, bits: 2 }), /4 weights do not divide into 3 rows/);
  assert.throws(() => codeMatrix(weights, 2, { method: ALTERNATING, bits: 5 }), /codes of 5 bits: method alternating/);
  assert.throws(() => codeMatrix(weights, 2, { method: TERNARY, bits: 3 }), /method ternary has 2/);
  assert.throws(() => codeMatrix(weights, 2, { method: ALTERNATING, bits: 2, groupColumns: 0 }), /groups of 0 columns/);
});
