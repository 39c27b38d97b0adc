import type { Problem } from "../kernel.ts";
import { AVERAGE_POOL_KERNELS } from "./average_pool/average_pool.ts";
import { DENSE_KERNELS } from "./convolution/dense.ts";
import { DEPTHWISE_KERNELS } from "./convolution/depthwise.ts";
import type { CpuFeature } from "./cpu_features.ts";
import type { NativeKernel } from "./native_kernel.ts";
import { SUM_KERNELS } from "./sum/sum.ts";

/** Every native kernel: dispatch and tests derive from this list. Earlier rows are preferred. */
export const NATIVE_KERNELS: readonly NativeKernel[] = [
  ...DEPTHWISE_KERNELS,
  ...DENSE_KERNELS,
  ...SUM_KERNELS,
  ...AVERAGE_POOL_KERNELS,
];

/** The first native kernel of the list for this problem. */
export function selectNativeKernel(problem: Problem): NativeKernel | undefined {
  return NATIVE_KERNELS.find((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
}

/** What the kernels of the list need of the processor. */
export const NATIVE_FEATURES: readonly CpuFeature[] = ["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"];
