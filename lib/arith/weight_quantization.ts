import { type Range, weightLimit, weightScale } from "./quantization.ts";
import { clamp, roundHalfUp } from "./round.ts";

/**
 * Weights lie channel by channel, [channels, ...] with the output channel outermost, so that channel c is one run of
 * weights.length / channels elements. They are symmetric, narrow range, one scale per channel:
 *
 *     w = scale[c] * q,   q = clamp(roundHalfUp(w / scale[c]), -(2^(bits-1) - 1), 2^(bits-1) - 1)
 */
export interface WeightScaleOptions {
  /** 2 to 8. */
  readonly bits: number;
  /** false: all channels together get one scale, repeated for each. */
  readonly perChannel: boolean;
  /**
   * `max-abs`: the largest magnitude is the largest integer. `mse`: least sum of squared errors. `l4`: least sum of
   * fourth powers of errors, which clips less. Clipping shrinks weights, and behind inputs that are never negative
   * shrunken weights add up, so that the least squared error is seldom the least error of the network.
   */
  readonly method: WeightMethod;
}

export const WEIGHT_METHODS = ["max-abs", "mse", "l4"] as const;
export type WeightMethod = (typeof WEIGHT_METHODS)[number];

const WEIGHT_BITS_MIN = 2;
const WEIGHT_BITS_MAX = 8;

/**
 * One scale per output channel, all > 0.
 * @throws RangeError for a weight that is NaN or infinite (naming channel and element), for bits outside 2..8, and for a
 * number of channels that does not divide the number of weights.
 */
export function weightScales(
  weights: Float32Array,
  channels: number,
  { bits, perChannel, method }: WeightScaleOptions,
): Float64Array {
  checkBits(bits);
  const length = channelLength(weights, channels);
  if (!perChannel) return new Float64Array(channels).fill(scaleOf(weights, boundOf(weights, 0), bits, method));
  return Float64Array.from({ length: channels }, (_, channel) => {
    const values = weights.subarray(channel * length, (channel + 1) * length);
    return scaleOf(values, boundOf(values, channel), bits, method);
  });
}

/** Integers of `weights` under one scale per channel. */
export function quantizeWeights(weights: Float32Array, scales: Float64Array, bits: number): Int8Array {
  checkBits(bits);
  const limit = weightLimit(bits);
  const length = channelLength(weights, scales.length);
  const integers = new Int8Array(weights.length);
  for (let i = 0, channel = 0; channel < scales.length; channel++) {
    const scale = scales[channel];
    for (const end = i + length; i < end; i++) integers[i] = clamp(roundHalfUp(weights[i] / scale), -limit, limit);
  }
  return integers;
}

/** The reals that `integers` stand for, as float32. */
export function dequantizeWeights(integers: Int8Array, scales: Float64Array): Float32Array {
  const length = channelLength(integers, scales.length);
  return Float32Array.from(integers, (q, i) => scales[Math.floor(i / length)] * q);
}

/** Smallest and largest weight of each channel. A channel without elements has [0, 0]. */
export function channelRanges(weights: Float32Array, channels: number): Range[] {
  const length = channelLength(weights, channels);
  return Array.from({ length: channels }, (_, channel) => {
    const values = weights.subarray(channel * length, (channel + 1) * length);
    boundOf(values, channel);
    return length === 0 ? { min: 0, max: 0 } : {
      min: values.reduce((a, b) => Math.min(a, b)),
      max: values.reduce((a, b) => Math.max(a, b)),
    };
  });
}

function scaleOf(values: Float32Array, bound: number, bits: number, method: WeightMethod): number {
  const widest = weightScale(bound, bits);
  if (method === "max-abs" || bound === 0) return widest;
  const search = method === "mse" ? leastSquaresScale : leastFourthPowerScale;
  return search(values, widest, weightLimit(bits));
}

const SEARCH_STEPS = 64;
const REFINEMENT_STEPS = 32;

/**
 * The best of SEARCH_STEPS equal fractions of the max-abs scale, then alternating least squares from there: for fixed
 * integers the best scale is <w, q> / <q, q>, and for a fixed scale rounding gives the best integers, so that no step
 * raises the error (Lloyd's algorithm; for binary codes arXiv 1802.00150 section 3). Never worse than max-abs.
 */
function leastSquaresScale(values: Float32Array, widest: number, limit: number): number {
  let scale = widest;
  let error = squaredError(values, widest, limit);
  for (let step = SEARCH_STEPS - 1; step > 0; step--) {
    const candidate = widest * (step / SEARCH_STEPS);
    const candidateError = squaredError(values, candidate, limit, error);
    if (candidateError < error) [scale, error] = [candidate, candidateError];
  }
  for (let step = 0; step < REFINEMENT_STEPS; step++) {
    const candidate = fittedScale(values, scale, limit);
    const candidateError = squaredError(values, candidate, limit, error);
    if (!(candidateError < error)) break;
    [scale, error] = [candidate, candidateError];
  }
  return scale;
}

/** The best of SEARCH_STEPS equal fractions of the max-abs scale. */
function leastFourthPowerScale(values: Float32Array, widest: number, limit: number): number {
  let scale = widest;
  let least = Infinity;
  for (let step = SEARCH_STEPS; step > 0; step--) {
    const candidate = widest * (step / SEARCH_STEPS);
    let sum = 0;
    for (let i = 0; i < values.length && sum < least; i++) {
      const error = values[i] - candidate * clamp(roundHalfUp(values[i] / candidate), -limit, limit);
      sum += error * error * error * error;
    }
    if (sum < least) [scale, least] = [candidate, sum];
  }
  return scale;
}

/** <w, q> / <q, q> with q the integers of w at `scale`; `scale` itself when all of them are 0. */
function fittedScale(values: Float32Array, scale: number, limit: number): number {
  let product = 0;
  let square = 0;
  for (const value of values) {
    const q = clamp(roundHalfUp(value / scale), -limit, limit);
    product += value * q;
    square += q * q;
  }
  return product > 0 ? product / square : scale;
}

/** Sum of squared errors; stops early with a sum >= `enough`. */
function squaredError(values: Float32Array, scale: number, limit: number, enough = Infinity): number {
  let sum = 0;
  for (let i = 0; i < values.length && sum < enough; i++) {
    const error = values[i] - scale * clamp(roundHalfUp(values[i] / scale), -limit, limit);
    sum += error * error;
  }
  return sum;
}

function boundOf(values: Float32Array, channel: number): number {
  let bound = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    if (!(magnitude < Infinity)) {
      throw new RangeError(`weight ${i} of channel ${channel} is ${values[i]}, expected a finite number`);
    }
    if (magnitude > bound) bound = magnitude;
  }
  return bound;
}

function channelLength(weights: ArrayLike<number>, channels: number): number {
  if (!Number.isInteger(channels) || channels < 1 || weights.length % channels !== 0) {
    throw new RangeError(`${weights.length} weights do not divide into ${channels} channels`);
  }
  return weights.length / channels;
}

function checkBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < WEIGHT_BITS_MIN || bits > WEIGHT_BITS_MAX) {
    throw new RangeError(`weights of ${bits} bits: expected ${WEIGHT_BITS_MIN} to ${WEIGHT_BITS_MAX}`);
  }
}
