/**
 * All kernels of WebAssembly (native ones are in kernels/x64/mod.ts), and the definitions. The name of a kernel is its
 * specification:
 *
 *     <input>[_<weights>]_<operation>[_<tile>]__<instructions>
 *
 * - input: `qu8` stored uint8, `qu7` the same up to 127, `qu4` up to 15, `qx` any stored integer (u8, u16, i32), `f32`, `f64`
 * - weights: `qs8c` int8 with a scale for each output channel, `qs7c` the same within a range of 127, `f32`
 *   `qbc` binary codes of 1 to 4 bits, of int8 weights with a scale for each output channel
 * - operation: `conv` dense and grouped convolution, `winogradconv` convolution by minimal filtering, `dwconv` depthwise
 *   convolution, `convsum`, `winogradconvsum` and `dwconvsum` the same with the sum that its accumulators go into,
 *   `convwgrad` and `dwconvwgrad` the gradients of their weights, `sum`, `concat`, `maxpool`, `avgpool`, `copy`,
 *   `product` of a matrix and a vector, `gather`, `table`, `lstm`, `gru`, `rnn`, `dynamic` product of a matrix and
 *   vectors that find their scales, `codes` of vectors that find their own
 * - tile, as of a whole one: `<outputs>x<pixels>` of conv, `<outputs>x<tiles>` of winogradconv,
 *   `<outputs>x<weights of an output>` of convwgrad,
 *   `<channels>x<taps>` of dwconvwgrad, `<channels>x<pixels>` of the others
 * - instructions: `wasmsimd`, WebAssembly with fixed-width SIMD; `wasmpopcnt`, with its counts of bits; `wasmrelaxed`, and
 *   relaxed SIMD; `avx512` (F, BW, DQ, VL), `avx512vnni` (and VNNI; dynamic: and CD), `avx512vbmi` (and VNNI and VBMI),
 *   `avx512popcnt` (and VNNI and VPOPCNTDQ), `amxint8` (AVX-512 and AMX-INT8)
 *
 * For example `qu8_qs8c_conv_16x2__wasmsimd`.
 */
import { averagePool } from "./average_pool/reference.ts";
import { AVERAGE_POOL_KERNELS } from "./average_pool/kernel.ts";
import { concat } from "./concat/reference.ts";
import { CONCAT_KERNELS } from "./concat/kernel.ts";
import { CODED_CONVOLUTION_KERNELS } from "./convolution/coded_kernel.ts";
import { convolution } from "./convolution/reference.ts";
import { convolutionSum } from "./convolution/sum_reference.ts";
import { withSum } from "./convolution/with_sum.ts";
import { BYTE_CONVOLUTION_KERNELS } from "./convolution/byte_kernel.ts";
import { CONVOLUTION_KERNELS } from "./convolution/kernel.ts";
import { copy } from "./copy/reference.ts";
import { DYNAMIC_PRODUCT_KERNELS } from "./dynamic_product/kernel.ts";
import { dynamicProduct } from "./dynamic_product/reference.ts";
import { COPY_KERNELS } from "./copy/kernel.ts";
import { DEPTHWISE_KERNELS } from "./depthwise/kernel.ts";
import { FLOAT_AVERAGE_POOL_KERNELS } from "./float_average_pool/kernel.ts";
import { floatAveragePool } from "./float_average_pool/reference.ts";
import { FLOAT_CONCAT_KERNELS } from "./float_concat/kernel.ts";
import { floatConcat } from "./float_concat/reference.ts";
import { FLOAT_DEPTHWISE_KERNELS } from "./float_convolution/depthwise_kernel.ts";
import { FLOAT_CONVOLUTION_KERNELS } from "./float_convolution/kernel.ts";
import { floatConvolution } from "./float_convolution/reference.ts";
import { FLOAT_MAX_POOL_KERNELS } from "./float_max_pool/kernel.ts";
import { floatMaxPool } from "./float_max_pool/reference.ts";
import { FLOAT_PRODUCT_KERNELS } from "./float_product/kernel.ts";
import { floatProduct } from "./float_product/reference.ts";
import { FLOAT_SUM_KERNELS } from "./float_sum/kernel.ts";
import { floatSum } from "./float_sum/reference.ts";
import { gather } from "./gather/reference.ts";
import { GATHER_KERNELS } from "./gather/kernel.ts";
import type { Problem, WasmKernel } from "./kernel.ts";
import { ONLINE_CODES_KERNELS } from "./online_codes/kernel.ts";
import { onlineCodes } from "./online_codes/reference.ts";
import { MAX_POOL_KERNELS } from "./max_pool/kernel.ts";
import { maxPool } from "./max_pool/reference.ts";
import { GRU_KERNELS } from "./recurrent/gru_kernel.ts";
import { gru } from "./recurrent/gru_reference.ts";
import { LSTM_KERNELS } from "./recurrent/lstm_kernel.ts";
import { lstm } from "./recurrent/lstm_reference.ts";
import { RNN_KERNELS } from "./recurrent/rnn_kernel.ts";
import { rnn } from "./recurrent/rnn_reference.ts";
import { SUM_KERNELS } from "./sum/kernel.ts";
import { sum } from "./sum/reference.ts";
import { table } from "./table/reference.ts";
import { TABLE_KERNELS } from "./table/kernel.ts";
import { DEPTHWISE_WEIGHT_GRADIENT_KERNELS } from "./weight_gradient/depthwise_kernel.ts";
import { WEIGHT_GRADIENT_KERNELS } from "./weight_gradient/kernel.ts";
import { WINOGRAD_KERNELS, WINOGRAD_KERNELS_OF_8_BITS } from "./winograd/kernel.ts";
import { weightGradient } from "./weight_gradient/reference.ts";
import type { AnyConvolutionProblem } from "../lib/arith/problem.ts";
import type { TypedArray } from "../lib/tensor/dtype.ts";

const INTEGER_CONVOLUTIONS: readonly WasmKernel<AnyConvolutionProblem>[] = [
  ...DEPTHWISE_KERNELS,
  ...WINOGRAD_KERNELS,
  ...BYTE_CONVOLUTION_KERNELS,
  ...WINOGRAD_KERNELS_OF_8_BITS,
  ...CONVOLUTION_KERNELS,
];

/** Every kernel: dispatch, tests and benchmarks derive from this list. Earlier rows are preferred. */
export const KERNELS: readonly WasmKernel[] = [
  ...CODED_CONVOLUTION_KERNELS,
  ...INTEGER_CONVOLUTIONS,
  ...INTEGER_CONVOLUTIONS.map(withSum),
  ...SUM_KERNELS,
  ...CONCAT_KERNELS,
  ...MAX_POOL_KERNELS,
  ...AVERAGE_POOL_KERNELS,
  ...COPY_KERNELS,
  ...GATHER_KERNELS,
  ...TABLE_KERNELS,
  ...LSTM_KERNELS,
  ...GRU_KERNELS,
  ...RNN_KERNELS,
  ...DYNAMIC_PRODUCT_KERNELS,
  ...ONLINE_CODES_KERNELS,
  ...FLOAT_DEPTHWISE_KERNELS,
  ...FLOAT_CONVOLUTION_KERNELS,
  ...FLOAT_SUM_KERNELS,
  ...FLOAT_MAX_POOL_KERNELS,
  ...FLOAT_AVERAGE_POOL_KERNELS,
  ...FLOAT_CONCAT_KERNELS,
  ...FLOAT_PRODUCT_KERNELS,
  ...DEPTHWISE_WEIGHT_GRADIENT_KERNELS,
  ...WEIGHT_GRADIENT_KERNELS,
];

/** The scalar definition of a kind of problem, on one image: plain loops over lib/arith. */
export type Reference<P extends Problem> = (problem: P, inputs: readonly TypedArray[], output: TypedArray) => void;

export const REFERENCES: { readonly [K in Problem["kind"]]: Reference<Extract<Problem, { kind: K }>> } = {
  convolution,
  convolution_sum: convolutionSum,
  sum,
  concat,
  max_pool: maxPool,
  average_pool: averagePool,
  copy,
  gather,
  table,
  lstm,
  gru,
  rnn,
  dynamic_product: dynamicProduct,
  online_codes: onlineCodes,
  float_convolution: floatConvolution,
  float_weight_gradient: weightGradient,
  float_sum: floatSum,
  float_max_pool: floatMaxPool,
  float_average_pool: floatAveragePool,
  float_concat: floatConcat,
  float_product: floatProduct,
};

/**
 * Those that take no relaxed instructions. Which are faster depends on the processor: on some a relaxed instruction is
 * several of its own.
 */
export const STRICT_KERNELS: readonly WasmKernel[] = KERNELS.filter(({ name }) => !name.endsWith("__wasmrelaxed"));

/** Whether a kernel is what a problem of its kind gets, if none before it in its list is. */
export function isTaken<P extends Problem>(
  { supports, isFaster }: Pick<WasmKernel<P>, "supports" | "isFaster">,
  problem: P,
): boolean {
  return supports(problem) && (isFaster?.(problem) ?? true);
}

/** The first kernel of the list that this problem gets. */
export function selectKernel(problem: Problem, kernels: readonly WasmKernel[] = KERNELS): WasmKernel | undefined {
  return kernels.find((kernel) => kernel.kind === problem.kind && isTaken(kernel, problem));
}

/** Computes a problem by its definition. */
export function runReference(problem: Problem, inputs: readonly TypedArray[], output: TypedArray): void {
  const reference = REFERENCES[problem.kind] as Reference<Problem>;
  reference(problem, inputs, output);
}
