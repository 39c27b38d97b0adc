/**
 * What one step of a network computes on one image, free of how: the equation stands above the type. Operators lower
 * their nodes to problems; the family of a kind (kernels/<family>) holds its scalar reference, plain loops over a problem
 * and the definition of its result, and the generators of faster code for the same bits. Activations are channels-last
 * (H, W, C), weights [O, kernelHeight, kernelWidth, I / groups].
 */
import type { Window } from "../tensor/window.ts";
import type { DynamicProductProblem } from "./dynamic_product.ts";
import type { OnlineCodesProblem } from "./online_codes.ts";
import { isRecurrence, type RecurrentProblem } from "./recurrent_problem.ts";

export {
  firstStates,
  gateCount,
  type GruProblem,
  hiddenCoding,
  isRecurrence,
  type LstmProblem,
  type RecurrentProblem,
  type RnnProblem,
} from "./recurrent_problem.ts";
import type { WeightCodes } from "./binary_codes/weight_codes.ts";

/** Stored integers: activations of at most 8 bits, wide activations (residuals), accumulators and logits. */
export type IntegerDType = "u8" | "u16" | "i32";

/** What tensors of a network hold: integers as above, and the cell states of a recurrence, which only it reads. */
export type StoredDType = IntegerDType | "i16";

/** q = clamp(zeroPoint + rescale, low, high) */
export interface OutputRange {
  readonly dtype: IntegerDType;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/**
 * q = clamp(Z + ((acc * b + 2^(c-1)) >> c), low, high), b and c per output channel (one each per channel).
 */
export interface ChannelRequantization extends OutputRange {
  readonly multipliers: Int32Array;
  readonly shifts: Uint8Array;
}

/**
 * acc[y, x, o] = sum over r, s, i of w[o, r, s, i] * (a[.., .., g * I + i] - inputZeroPoint) + bias[o]
 *
 * with g the group of o; padding reads inputZeroPoint, so it adds 0. Without `output` the accumulators themselves are
 * the result (i32). A matrix product is the case of a 1x1 window.
 */
export interface ConvolutionProblem {
  readonly kind: "convolution";
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
  readonly inputZeroPoint: number;
  /** Stored input integers lie in 0 .. inputHigh (at most 255). */
  readonly inputHigh: number;
  readonly weights: Int8Array;
  /** Binary codes of the weights, which say the same: rows are output channels, columns all that is innermost to them. */
  readonly codes?: WeightCodes;
  readonly bias: Int32Array;
  readonly output?: ChannelRequantization;
}

/** One summand of a sum: (q - zeroPoint) * multiplier, multiplier per channel or a single one for all channels. */
export interface SumTerm {
  readonly dtype: IntegerDType;
  readonly zeroPoint: number;
  readonly multipliers: Int32Array;
}

/**
 * q[p, c] = clamp(Z + ((sum over terms t of (q_t[p, c] - Z_t) * b_t[c] + 2^(shift-1)) >> shift), low, high)
 *
 * over `pixels` positions and `channels` channels (innermost); one rounding, one shift, sums exact in 64 bits.
 */
export interface SumProblem {
  readonly kind: "sum";
  readonly pixels: number;
  readonly channels: number;
  readonly terms: readonly SumTerm[];
  readonly shift: number;
  readonly output: OutputRange;
}

/** One input of a concatenation: `inner` consecutive elements for each of the outer positions. */
export interface ConcatPart {
  readonly dtype: IntegerDType;
  readonly inner: number;
  readonly zeroPoint: number;
  /** Absent: the input already has the output's scale and zero point and is copied. */
  readonly rescale?: { readonly multiplier: number; readonly shift: number };
}

/**
 * For each of `outer` positions, the `inner` elements of each part in turn, rescaled to the output's scale:
 *
 *     q = clamp(Z + (((q_i - Z_i) * b_i + 2^(c_i - 1)) >> c_i), low, high)
 *
 * One part is a plain requantization (also a Relu or Clip that nothing could fuse).
 */
export interface ConcatProblem {
  readonly kind: "concat";
  readonly outer: number;
  readonly parts: readonly ConcatPart[];
  readonly output: OutputRange;
}

/** The largest input integer under the window; padding is never chosen. Scale and zero point pass through. */
export interface MaxPoolProblem {
  readonly kind: "max_pool";
  readonly window: Window;
  readonly channels: number;
  readonly dtype: IntegerDType;
}

/**
 * q = clamp(Z + ((sum over the n taps inside the image of (q_i - inputZeroPoint) * b_N + 2^(c_N - 1)) >> c_N), low, high)
 *
 * N is the divisor of the float operator at that position: with `divisors` its value per output position (row-major,
 * outputHeight x outputWidth), and (b_N, c_N) the dyadic number of S_in / (N * S_out) found in `rescales` by N.
 */
export interface AveragePoolProblem {
  readonly kind: "average_pool";
  readonly window: Window;
  readonly channels: number;
  readonly inputDtype: IntegerDType;
  readonly inputZeroPoint: number;
  readonly divisors: Int32Array;
  readonly rescales: ReadonlyMap<number, { readonly multiplier: number; readonly shift: number }>;
  readonly output: OutputRange;
}

/**
 * target[targetOffset + i . targetStrides] = source[sourceOffset + i . sourceStrides] for every index i of `shape`; the
 * rest of the `targetSize` elements is `fill`. Transpose, Reshape that changes memory order, Pad, Slice.
 */
export interface CopyProblem {
  readonly kind: "copy";
  readonly dtype: IntegerDType;
  readonly shape: readonly number[];
  readonly sourceOffset: number;
  readonly sourceStrides: readonly number[];
  readonly targetOffset: number;
  readonly targetStrides: readonly number[];
  readonly targetSize: number;
  readonly fill: number;
}

/**
 * q[p, i] = table[clamp(index[p], 0, rows - 1), i]
 *
 * for `count` indices (i32): the rows of an embedding, `width` elements each, u8.
 */
export interface GatherProblem {
  readonly kind: "gather";
  readonly count: number;
  readonly rows: number;
  readonly width: number;
  readonly table: Uint8Array;
}

/** q = table[q_in] of `size` u8 elements; the table has 256 entries, one for each (DESIGN section 4: unary functions). */
export interface TableProblem {
  readonly kind: "table";
  readonly size: number;
  readonly table: Uint8Array;
}

export type IntegerProblem =
  | ConvolutionProblem
  | SumProblem
  | ConcatProblem
  | MaxPoolProblem
  | AveragePoolProblem
  | CopyProblem
  | GatherProblem
  | TableProblem
  | RecurrentProblem
  | DynamicProductProblem
  | OnlineCodesProblem;

/**
 * A convolution whose accumulators go into a sum without being stored: `sum`, with them as its term number `term`. Made
 * of two problems when a network is loaded; no artefact has it. Inputs: the convolution's, then the sum's other terms.
 */
export interface ConvolutionSumProblem extends Omit<ConvolutionProblem, "kind" | "output"> {
  readonly kind: "convolution_sum";
  readonly sum: SumProblem;
  readonly term: number;
  /** Proven |q - zeroPoint| per channel of each term that is accumulators; of others all that their dtype holds counts. */
  readonly bounds: readonly (Float64Array | undefined)[];
}

/** Whatever is computed from the accumulators of a convolution. */
export type AnyConvolutionProblem = ConvolutionProblem | ConvolutionSumProblem;

/** What kernels compute: problems of an artefact, and pairs of them. */
export type KernelProblem = IntegerProblem | ConvolutionSumProblem;

/** The float twin of `ConvolutionProblem`: out = min(max(sum w * a + bias, low), high), padding reads 0. */
export interface FloatConvolutionProblem {
  readonly kind: "float_convolution";
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly low: number;
  readonly high: number;
}

/**
 * The gradient of a convolution's weights: with g the gradient of its sums and a its input,
 *
 *     gradient[o, r, s, i] = sum over y, x of g[y, x, o] * a[y * strideY - padTop + r * dilationY, .., group(o) * I + i]
 *
 * where I = inputChannels / groups and padding reads 0. Inputs are [activation, gradient of the sums], both
 * channels-last; the result is [O, kernelHeight, kernelWidth, I] like the weights.
 */
export interface FloatWeightGradientProblem {
  readonly kind: "float_weight_gradient";
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
}

/** out = min(max(x_1 + x_2 + ..., low), high) of `size` elements each; a single term is a clamp. */
export interface FloatSumProblem {
  readonly kind: "float_sum";
  readonly size: number;
  readonly terms: number;
  readonly low: number;
  readonly high: number;
}

/** The largest input under the window, -Infinity where there is none; padding and NaN are never chosen. */
export interface FloatMaxPoolProblem {
  readonly kind: "float_max_pool";
  readonly window: Window;
  readonly channels: number;
}

/**
 * out = (sum of the taps inside the image) / divisor, in float64 and rounded once: sums start at 0 and go through the taps
 * row by row. `divisors` has one for each output position, row-major, outputHeight x outputWidth.
 */
export interface FloatAveragePoolProblem {
  readonly kind: "float_average_pool";
  readonly window: Window;
  readonly channels: number;
  readonly divisors: Int32Array;
}

/** For each of `outer` positions, the next `inners[i]` elements of each input i in turn. */
export interface FloatConcatProblem {
  readonly kind: "float_concat";
  readonly outer: number;
  readonly inners: readonly number[];
}

/**
 * out[r] = sum over k of weights[r, k] * x[k]: a float32 matrix [rows, columns] times a float64 vector, in float64. Every
 * product and every sum is rounded; sums start at 0 and go through the columns in order.
 */
export interface FloatProductProblem {
  readonly kind: "float_product";
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float32Array;
}

/** What kernels compute of float networks. */
export type FloatProblem =
  | FloatConvolutionProblem
  | FloatWeightGradientProblem
  | FloatSumProblem
  | FloatMaxPoolProblem
  | FloatAveragePoolProblem
  | FloatProductProblem
  | FloatConcatProblem;

/** The numbers of the inputs that are overwritten while the problem is computed: states. */
export function writtenInputs(problem: KernelProblem | FloatProblem): readonly number[] {
  if (!isRecurrence(problem) || !problem.carriesState) return [];
  return problem.kind === "lstm" ? [1, 2] : [1];
}
