import type { GatherProblem } from "../../lib/arith/problem.ts";
import { clamp } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of looking rows up: an index outside of the table takes its first or last row. */
export function gather(
  { count, rows, width, table }: GatherProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const indices = inputs[0] as ArrayOf<"i32">;
  for (let p = 0; p < count; p++) {
    const row = clamp(indices[p], 0, rows - 1);
    for (let i = 0; i < width; i++) output[p * width + i] = table[row * width + i];
  }
}
