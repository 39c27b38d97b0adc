import type { FloatProductProblem } from "../../lib/arith/problem.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a product of a float32 matrix and a float64 vector. */
export function floatProduct(
  { rows, columns, weights }: FloatProductProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const vector = inputs[0] as Float64Array;
  for (let row = 0, element = 0; row < rows; row++) {
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += weights[element++] * vector[k];
    output[row] = sum;
  }
}
