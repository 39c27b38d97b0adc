import type { TableProblem } from "../../lib/arith/problem.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a function of one byte. */
export function table({ size, table }: TableProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const values = inputs[0] as ArrayOf<"u8">;
  for (let i = 0; i < size; i++) output[i] = table[values[i]];
}
