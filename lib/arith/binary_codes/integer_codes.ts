import { roundHalfUp } from "../round.ts";
import { ACCUMULATOR_MAX } from "../bounds.ts";
import type { CodeProductProblem } from "../problem.ts";
import type { CodedMatrix } from "./coded_matrix.ts";
import { codeValues } from "./codes.ts";

/** What an integer product takes from codes, and the scale of each row. */
export interface IntegerCodes
  extends Pick<CodeProductProblem, "inputs" | "outputs" | "bits" | "codes" | "multipliers" | "bias"> {
  /** Row o stands for scales[o] * sum over k of multipliers[o, k] b_k; its accumulators for that times the input's scale. */
  readonly scales: Float64Array;
}

/** Coefficients keep at most this magnitude as integers: 2^-15 of the largest is lost. */
const MULTIPLIER_MAX = 2 ** 15 - 1;

/**
 * Integers of a matrix whose rows are one group each. The scale of a row is the smallest for which its multipliers stay
 * int16 and no accumulator can leave int32, whatever the inputs.
 * @param magnitude the largest |q - Z| of the inputs
 * @param bias one for each row, in units of the input's scale
 * @throws RangeError for rows of several groups, and for a bias that is not finite.
 */
export function integerCodes(matrix: CodedMatrix, magnitude: number, bias: ArrayLike<number>): IntegerCodes {
  const { rows, columns, groupColumns, bits, coefficients, codes } = matrix;
  if (groupColumns < columns) {
    throw new RangeError(`groups of ${groupColumns} columns in rows of ${columns}: integers take one group for a row`);
  }
  // Rounded multipliers move a weight by up to bits / 2, and the bias by 1 / 2.
  const room = ACCUMULATOR_MAX - columns * magnitude * bits / 2 - 1;
  const scales = Float64Array.from({ length: rows }, (_, row) => {
    if (!Number.isFinite(bias[row])) throw new RangeError(`bias ${row} is ${bias[row]}, expected a finite number`);
    const ofRow = coefficients.subarray(row * bits, (row + 1) * bits);
    const sums = codeValues(ofRow);
    let weight = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) weight += Math.abs(sums[codes[i]]);
    const largest = ofRow.reduce((most, coefficient) => Math.max(most, Math.abs(coefficient)), 0);
    return Math.max((weight * magnitude + Math.abs(bias[row])) / room, largest / MULTIPLIER_MAX) || 1;
  });
  return {
    inputs: columns,
    outputs: rows,
    bits,
    codes: packPlanes(matrix),
    multipliers: Int32Array.from(coefficients, (c, i) => roundHalfUp(c / scales[Math.floor(i / bits)])),
    bias: Int32Array.from(scales, (scale, row) => roundHalfUp(bias[row] / scale)),
    scales,
  };
}

/** Codes as bit planes, [rows, bits, ceil(columns / 8)]. */
function packPlanes({ rows, columns, bits, codes }: CodedMatrix): Uint8Array {
  const rowBytes = Math.ceil(columns / 8);
  const planes = new Uint8Array(rows * bits * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < bits; k++) {
      const start = (row * bits + k) * rowBytes;
      for (let i = 0; i < columns; i++) planes[start + (i >> 3)] |= (codes[row * columns + i] >> k & 1) << (i & 7);
    }
  }
  return planes;
}
