import type { FloatSumProblem } from "../../lib/arith/problem.ts";
import { clamp } from "../../lib/arith/round.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a float32 sum: terms from the first to the last, every sum rounded. */
export function floatSum({ low, high }: FloatSumProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const [first, ...others] = inputs as readonly Float32Array[];
  for (let i = 0; i < output.length; i++) {
    let sum = first[i];
    for (const term of others) sum = Math.fround(sum + term[i]);
    output[i] = clamp(sum, low, high);
  }
}
