import type { Problem } from "../kernel.ts";
import { isTaken } from "../mod.ts";
import { TILE_CONVOLUTION_KERNELS } from "./amx/tile_convolution.ts";
import { AVERAGE_POOL_KERNELS } from "./average_pool/average_pool.ts";
import { CODED_CONVOLUTION_KERNELS } from "./codes/coded_convolution.ts";
import { POPCOUNT_CONVOLUTION_KERNELS } from "./codes/popcount_convolution.ts";
import { CONCAT_KERNELS } from "./concat/concat.ts";
import { DENSE_KERNELS } from "./convolution/dense.ts";
import { DEPTHWISE_KERNELS } from "./convolution/depthwise.ts";
import { withSum } from "./convolution/with_sum.ts";
import { INTERLEAVED_DEPTHWISE_KERNELS } from "./convolution/interleaved_depthwise.ts";
import { COPY_KERNELS } from "./copy/copy.ts";
import { type CpuFeature, featuresHere } from "./cpu_features.ts";
import { CODED_DYNAMIC_PRODUCT_KERNELS } from "./dynamic_product/coded_dynamic_product.ts";
import { DYNAMIC_PRODUCT_KERNELS } from "./dynamic_product/dynamic_product.ts";
import { FLOAT_AVERAGE_POOL_KERNELS } from "./float/average_pool.ts";
import { FLOAT_CONCAT_KERNELS } from "./float/concat.ts";
import { FLOAT_DENSE_KERNELS } from "./float/dense.ts";
import { FLOAT_DEPTHWISE_KERNELS } from "./float/depthwise.ts";
import { FLOAT_DEPTHWISE_WEIGHT_GRADIENT_KERNELS } from "./float/depthwise_weight_gradient.ts";
import { FLOAT_MAX_POOL_KERNELS } from "./float/max_pool.ts";
import { FLOAT_PRODUCT_KERNELS } from "./float/product.ts";
import { FLOAT_SUM_KERNELS } from "./float/sum.ts";
import { FLOAT_WEIGHT_GRADIENT_KERNELS } from "./float/weight_gradient.ts";
import { GATHER_KERNELS } from "./gather/gather.ts";
import { MAX_POOL_KERNELS } from "./max_pool/max_pool.ts";
import type { NativeKernel } from "./native_kernel.ts";
import { GRU_KERNELS } from "./recurrent/gru.ts";
import { LSTM_KERNELS } from "./recurrent/lstm.ts";
import { RNN_KERNELS } from "./recurrent/rnn.ts";
import { SUM_KERNELS } from "./sum/sum.ts";
import { TABLE_KERNELS } from "./table/table.ts";

/** Every native kernel: dispatch and tests derive from this list. Earlier rows are preferred. */
export const NATIVE_KERNELS: readonly NativeKernel[] = [
  ...POPCOUNT_CONVOLUTION_KERNELS,
  ...CODED_CONVOLUTION_KERNELS,
  ...TILE_CONVOLUTION_KERNELS,
  ...INTERLEAVED_DEPTHWISE_KERNELS,
  ...DEPTHWISE_KERNELS,
  ...DENSE_KERNELS,
  ...[...TILE_CONVOLUTION_KERNELS, ...DEPTHWISE_KERNELS, ...DENSE_KERNELS].map(withSum),
  ...SUM_KERNELS,
  ...AVERAGE_POOL_KERNELS,
  ...MAX_POOL_KERNELS,
  ...CONCAT_KERNELS,
  ...COPY_KERNELS,
  ...GATHER_KERNELS,
  ...TABLE_KERNELS,
  ...LSTM_KERNELS,
  ...GRU_KERNELS,
  ...RNN_KERNELS,
  ...CODED_DYNAMIC_PRODUCT_KERNELS,
  ...DYNAMIC_PRODUCT_KERNELS,
  ...FLOAT_DEPTHWISE_KERNELS,
  ...FLOAT_DENSE_KERNELS,
  ...FLOAT_SUM_KERNELS,
  ...FLOAT_MAX_POOL_KERNELS,
  ...FLOAT_AVERAGE_POOL_KERNELS,
  ...FLOAT_CONCAT_KERNELS,
  ...FLOAT_PRODUCT_KERNELS,
  ...FLOAT_DEPTHWISE_WEIGHT_GRADIENT_KERNELS,
  ...FLOAT_WEIGHT_GRADIENT_KERNELS,
];

/** What native kernels need of the processor unless they say something else. */
export const NATIVE_FEATURES: readonly CpuFeature[] = ["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"];

/** The kernels of the list that run on a processor with these features. */
export function nativeKernelsFor(features: readonly CpuFeature[]): NativeKernel[] {
  return NATIVE_KERNELS.filter((kernel) => (kernel.features ?? NATIVE_FEATURES).every((f) => features.includes(f)));
}

/** The first native kernel for this problem that runs on a processor with these features: by default on this one. */
export function selectNativeKernel(
  problem: Problem,
  features: readonly CpuFeature[] = featuresHere(),
): NativeKernel | undefined {
  return nativeKernelsFor(features).find((kernel) => kernel.kind === problem.kind && isTaken(kernel, problem));
}
