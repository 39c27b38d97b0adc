import type { FloatConcatProblem } from "../../lib/arith/problem.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a concatenation of float32: elements are only moved. */
export function floatConcat(
  { outer, inners }: FloatConcatProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  let target = 0;
  for (let position = 0; position < outer; position++) {
    inners.forEach((inner, part) => {
      for (let i = 0; i < inner; i++) output[target++] = (inputs[part] as Float32Array)[position * inner + i];
    });
  }
}
