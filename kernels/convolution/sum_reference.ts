import type { ConvolutionSumProblem } from "../../lib/arith/problem.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { sum } from "../sum/reference.ts";
import { convolution } from "./reference.ts";

/** The definition of a convolution with the sum that its accumulators go into: one after the other. */
export function convolutionSum(
  problem: ConvolutionSumProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const [image, ...others] = inputs;
  const accumulators = new Int32Array(output.length);
  convolution({ ...problem, kind: "convolution", output: undefined }, [image], accumulators);
  sum(problem.sum, others.toSpliced(problem.term, 0, accumulators), output);
}
