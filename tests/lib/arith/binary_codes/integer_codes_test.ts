import assert from "node:assert/strict";
import fc from "fast-check";
import { codeMatrix, decodeMatrix } from "../../../../lib/arith/binary_codes/coded_matrix.ts";
import { integerCodes } from "../../../../lib/arith/binary_codes/integer_codes.ts";
import { ALTERNATING } from "../../../../lib/arith/binary_codes/methods/alternating.ts";
import { CODE_METHODS } from "../../../../lib/arith/binary_codes/methods/mod.ts";
import { TERNARY } from "../../../../lib/arith/binary_codes/methods/ternary.ts";
import { UNIFORM } from "../../../../lib/arith/binary_codes/methods/uniform.ts";
import { codedWeights, codesFault } from "../../../../lib/arith/binary_codes/weight_codes.ts";
import { seededRandom } from "../../../../lib/tensor/random.ts";

/** How much more squared error integers may have than real coefficients, of whole rows and of groups, which share a scale. */
const RISE = { whole: 0.01, grouped: 0.02 };
/** What rounding may add to the squared error of each weight where so few share multipliers that levels meet them all. */
const ROUNDING = 2.5e-4;
const FEW = 8;

function gaussian(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, seededRandom(seed).normal);
}

function squaredError(weights: Float32Array, approximation: ArrayLike<number>): number {
  return weights.reduce((sum, weight, i) => sum + (weight - approximation[i]) ** 2, 0);
}

for (const method of CODE_METHODS) {
  for (const bits of method.bits) {
    Deno.test(`${method.name} of ${bits} bits: small integers lose next to nothing, rows whole and in groups`, () => {
      for (const groupColumns of [300, 64, 7]) {
        const [rows, columns] = [16, 300];
        const weights = gaussian(rows * columns, bits);
        const matrix = codeMatrix(weights, rows, { method, bits, groupColumns });
        const { codes, values, scales } = integerCodes(matrix);
        const reals = Float64Array.from(values, (value, i) => value * scales[Math.floor(i / columns)]);
        const [before, after] = [decodeMatrix(matrix), reals].map((decoded) => squaredError(weights, decoded));
        const rise = groupColumns < columns ? RISE.grouped : RISE.whole;
        const allowance = groupColumns < FEW ? ROUNDING * weights.length : rise * before;
        assert.ok(after <= before + allowance, `${after} after ${before} in groups of ${groupColumns}`);
        assert.equal(codesFault(codes, rows, columns), undefined);
        assert.deepEqual(codedWeights(codes, rows, columns), values);
      }
    });
  }
}

Deno.test("any weights have legal codes, whose values they say", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 0, max: 20 }),
    bits: fc.integer({ min: 1, max: 4 }),
    groupColumns: fc.integer({ min: 1, max: 25 }),
  });
  const weight = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1, -1, 1e-45));
  fc.assert(
    fc.property(sizes, fc.infiniteStream(weight), ({ rows, columns, bits, groupColumns }, stream) => {
      const weights = Float32Array.from([...stream.take(rows * columns)]);
      const matrix = codeMatrix(weights, rows, { method: ALTERNATING, bits, groupColumns });
      const { codes, values, scales } = integerCodes(matrix);
      assert.equal(codesFault(codes, rows, columns), undefined);
      assert.deepEqual(codedWeights(codes, rows, columns), values);
      assert.ok(scales.every((scale) => scale > 0 && scale < Infinity), `scales ${scales}`);
      assert.ok(values.every((value) => Math.abs(value) <= 127));
    }),
  );
});

Deno.test("what small integers can say exactly, they do", () => {
  const exact = (values: number[], scale: number, method: typeof TERNARY, bits: number): void => {
    const weights = Float32Array.from(values);
    const { values: integers, scales } = integerCodes(codeMatrix(weights, 1, { method, bits }));
    integers.forEach((integer, i) =>
      assert.ok(Math.abs(integer * scales[0] - weights[i]) < 1e-9 * scale, `${integer}`)
    );
  };
  exact([0.5, 0, -0.5, 0.5, 0], 0.5, TERNARY, 2);
  exact([0.25, -0.25, 0.25], 0.25, ALTERNATING, 1);
  exact(Array.from({ length: 16 }, (_, level) => 2 * level - 15), 15, UNIFORM, 4);
});

Deno.test("rows of zeros are zeros at scale 1", () => {
  const matrix = codeMatrix(new Float32Array(10), 2, { method: ALTERNATING, bits: 2 });
  const { scales, codes, values } = integerCodes(matrix);
  assert.deepEqual([[...scales], [...codes.multipliers]], [[1, 1], [0, 0, 0, 0]]);
  assert.ok(values.every((value) => value === 0));
});
