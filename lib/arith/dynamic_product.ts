import { accumulatorBound } from "./bounds.ts";
import type { ChannelRequantization, ConvolutionProblem } from "./problem.ts";

/**
 * A matrix product whose input finds its scale at run time, for each of `positions` vectors x of one scale, int32. With k =
 * `activationBits`, e the smallest that is not negative for which |x[i]| < 2^(e+k-1) for all i, and c the shift of o:
 *
 *     q[i]   = clamp((x[i] + 2^(e-1)) >> e, -2^(k-1), 2^(k-1) - 1)           no rounding constant when e = 0
 *     acc[o] = sum over i of w[o, i] * q[i]                                                     int32
 *     y[o]   = clamp(Z + (((acc[o] * 2^e + bias[o]) * b[o] + 2^(c-1)) >> c), low, high)
 *
 * As c >= e, that is clamp(Z + ((acc[o] * b[o] + ((bias[o] * b[o] + 2^(c-1)) >> e)) >> (c-e)), low, high), which 64 bits
 * hold (`dynamicProductFault`). Accumulators are not given out: every vector has a scale of its own.
 */
export interface DynamicProductProblem extends Pick<ConvolutionProblem, "weights" | "codes" | "bias"> {
  readonly kind: "dynamic_product";
  readonly positions: number;
  readonly inputs: number;
  readonly outputs: number;
  /** 2 to 8. */
  readonly activationBits: number;
  readonly output: ChannelRequantization;
}

const INT64_MAX = 2n ** 63n - 1n;

/** e of a vector whose largest magnitude is `largest`, at most 2^31. */
export function dynamicExponent(largest: number, activationBits: number): number {
  return Math.max(0, 32 - Math.clz32(largest) - (activationBits - 1));
}

/** The largest e of any vector of int32. */
export function largestExponent(activationBits: number): number {
  return dynamicExponent(2 ** 31, activationBits);
}

/** Largest magnitude of the accumulator of each output. */
export function dynamicProductBounds(
  { weights, inputs, outputs, activationBits }: DynamicProductProblem,
): Float64Array {
  const magnitude = 2 ** (activationBits - 1);
  return Float64Array.from({ length: outputs }, (_, o) => accumulatorBound(weights, o * inputs, inputs, magnitude, 0));
}

/**
 * Why an output could leave 64 bits or lose bits of its accumulator, by its number; undefined where none can. `bounds` are
 * those of `dynamicProductBounds`.
 */
export function dynamicProductFault(
  { bias, activationBits, output: { multipliers, shifts } }: DynamicProductProblem,
  bounds: Float64Array,
): { readonly channel: number; readonly message: string } | undefined {
  const least = largestExponent(activationBits);
  for (const [channel, bound] of bounds.entries()) {
    const [b, c] = [BigInt(multipliers[channel]), shifts[channel]];
    if (c < least) {
      return { channel, message: `its shift ${c} is less than ${least}, the largest exponent of its input` };
    }
    const sum = (BigInt(bound) + BigInt(Math.abs(bias[channel]))) * b + (1n << BigInt(c - 1));
    if (sum > INT64_MAX) return { channel, message: "the rescaled sum can leave 64 bits" };
  }
  return undefined;
}
