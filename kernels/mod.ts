import { CONVOLUTION_KERNELS } from "./convolution/kernel.ts";
import type { Problem, WasmKernel } from "./kernel.ts";

/** Every kernel, the list that dispatch, tests and benchmarks derive from. Earlier rows are preferred. */
export const KERNELS: readonly WasmKernel[] = [...CONVOLUTION_KERNELS];

/** The first kernel of the list for this problem. */
export function selectKernel(problem: Problem): WasmKernel | undefined {
  return KERNELS.find((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
}
