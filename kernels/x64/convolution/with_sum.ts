import type { AnyConvolutionProblem, ConvolutionSumProblem } from "../../../lib/arith/problem.ts";
import { summedName } from "../../convolution/summed_name.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { isSummable } from "../sum/summed_channels.ts";

/** A convolution's kernel, for convolutions that go on with a sum: its epilogue (`emitOutputs`) does the rest. */
export function withSum(kernel: NativeKernel<AnyConvolutionProblem>): NativeKernel<ConvolutionSumProblem> {
  return {
    ...kernel,
    name: summedName(kernel.name),
    kind: "convolution_sum",
    supports: (problem) => isSummable(problem) && kernel.supports(problem),
  };
}
