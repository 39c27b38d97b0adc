import assert from "node:assert/strict";
import { codeProduct } from "../../../../kernels/code_product/reference.ts";
import { codeMatrix, decodeMatrix } from "../../../../lib/arith/binary_codes/coded_matrix.ts";
import { integerCodes } from "../../../../lib/arith/binary_codes/integer_codes.ts";
import { ALTERNATING } from "../../../../lib/arith/binary_codes/methods/alternating.ts";
import { ACCUMULATOR_MAX, codeProductBounds } from "../../../../lib/arith/bounds.ts";
import type { CodeProductProblem } from "../../../../lib/arith/problem.ts";
import { seededRandom } from "../../../../lib/tensor/random.ts";

const MAGNITUDE = 200;
/** What multipliers may lose of a row's weights. */
const RELATIVE_LOSS = 2 ** -12;

function problemOf(rows: number, columns: number, bits: number, seed: number, biasSize = 1) {
  const random = seededRandom(seed);
  const weights = Float32Array.from({ length: rows * columns }, random.normal);
  const matrix = codeMatrix(weights, rows, { method: ALTERNATING, bits });
  const bias = Array.from({ length: rows }, () => biasSize * random.normal());
  const { scales, ...parts } = integerCodes(matrix, MAGNITUDE, bias);
  const problem: CodeProductProblem = {
    kind: "code_product",
    positions: 1,
    inputZeroPoint: 55,
    inputHigh: 255,
    ...parts,
  };
  return { problem, scales, matrix, bias, random };
}

for (const bits of [1, 2, 3, 4]) {
  Deno.test(`${bits} bits: integer products are those of the decoded weights, to 2^-12 of the row`, () => {
    for (const columns of [5, 300, 1024, 4096]) {
      const { problem, scales, matrix, bias, random } = problemOf(6, columns, bits, columns + bits);
      const input = Uint8Array.from({ length: columns }, () => random.integer(0, 255));
      const output = new Int32Array(6);
      codeProduct(problem, [input], output);
      const weights = decodeMatrix(matrix);
      output.forEach((accumulator, row) => {
        let [sum, size] = [bias[row], Math.abs(bias[row]) + scales[row]];
        for (let i = 0; i < columns; i++) {
          sum += weights[row * columns + i] * (input[i] - 55);
          size += Math.abs(weights[row * columns + i] * (input[i] - 55));
        }
        const error = Math.abs(accumulator * scales[row] - sum);
        assert.ok(error <= RELATIVE_LOSS * size, `row ${row} of ${columns}: ${error} of ${size}`);
      });
    }
  });
}

Deno.test("no accumulator can leave int32, and the bound is one that inputs reach", () => {
  for (const [columns, bias] of [[3, 0], [300, 1e9], [9000, 0], [20000, 10]]) {
    const { problem } = problemOf(4, columns, 2, columns, bias);
    const bounds = codeProductBounds(problem);
    assert.ok(bounds.every((bound) => bound <= ACCUMULATOR_MAX), `${columns} columns: ${bounds}`);
    assert.ok(problem.multipliers.every((multiplier) => Math.abs(multiplier) <= 2 ** 15));
  }
  // One column of weight 3 + 1 and one of 3 - 1; q - Z from -55 to 200.
  const problem: CodeProductProblem = {
    kind: "code_product",
    positions: 1,
    inputs: 2,
    outputs: 1,
    bits: 2,
    inputZeroPoint: 55,
    inputHigh: 255,
    codes: Uint8Array.of(0b11, 0b01),
    multipliers: Int32Array.of(3, 1),
    bias: Int32Array.of(7),
  };
  const output = new Int32Array(1);
  codeProduct(problem, [Uint8Array.of(255, 255)], output);
  assert.equal(output[0], (4 + 2) * 200 + 7);
  assert.deepEqual([...codeProductBounds(problem)], [output[0]]);
});

Deno.test("rows of zeros are zeros at scale 1", () => {
  const matrix = codeMatrix(new Float32Array(10), 2, { method: ALTERNATING, bits: 2 });
  const { scales, multipliers } = integerCodes(matrix, MAGNITUDE, [0, 0]);
  assert.deepEqual([[...scales], [...multipliers]], [[1, 1], [0, 0, 0, 0]]);
});

Deno.test("what has no integers is named", () => {
  const weights = Float32Array.of(1, 2, 3, 4);
  const grouped = codeMatrix(weights, 1, { method: ALTERNATING, bits: 2, groupColumns: 2 });
  assert.throws(() => integerCodes(grouped, MAGNITUDE, [0]), /groups of 2 columns in rows of 4/);
  const whole = codeMatrix(weights, 1, { method: ALTERNATING, bits: 2 });
  assert.throws(() => integerCodes(whole, MAGNITUDE, [NaN]), /bias 0 is NaN/);
});
