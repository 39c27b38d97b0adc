import type { AnyConvolutionProblem, ConvolutionSumProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import { summedName } from "./summed_name.ts";

/** A convolution's kernel, for convolutions that go on with a sum: its epilogue (`integerEpilogue`) does the rest. */
export function withSum(kernel: WasmKernel<AnyConvolutionProblem>): WasmKernel<ConvolutionSumProblem> {
  return { ...kernel, name: summedName(kernel.name), kind: "convolution_sum" };
}
