import { clamp, roundHalfUp } from "./round.ts";

/**
 * How integers q stand for reals r of one tensor:
 *
 *     r = scale * (q - zeroPoint),   low <= q <= high
 *
 * `bits` is the width that the range [low, high] was made for. Activations are unsigned, 0 .. 2^bits - 1.
 */
export interface Quantization {
  readonly bits: number;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** A closed interval of real values. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * Parameters of an activation tensor whose values lie in `range`: unsigned with zero point 0 when the range holds no
 * negative value, otherwise affine with an integer zero point, so that real 0 is exact. The range is widened to hold 0;
 * an empty range ([0, 0]) gets scale 1 / (2^bits - 1), so that constant zero tensors stay representable.
 */
export function activationQuantization(range: Range, bits: number): Quantization {
  const high = 2 ** bits - 1;
  const min = Math.min(range.min, 0);
  const max = Math.max(range.max, 0);
  const width = max - min;
  if (!(width >= 0) || !Number.isFinite(width)) {
    throw new RangeError(`no quantization for the range [${range.min}, ${range.max}]`);
  }
  const scale = width === 0 ? 1 / high : width / high;
  return { bits, scale, zeroPoint: clamp(roundHalfUp(-min / scale), 0, high), low: 0, high };
}

/** Symmetric activation parameters: an unsigned store whose zero point is the middle, 2^(bits-1). */
export function symmetricActivationQuantization(range: Range, bits: number): Quantization {
  const bound = Math.max(-range.min, range.max, 0);
  if (range.min >= 0) return activationQuantization({ min: 0, max: bound }, bits);
  const middle = 2 ** (bits - 1);
  const scale = bound === 0 ? 1 / middle : bound / (middle - 1);
  return { bits, scale, zeroPoint: middle, low: 1, high: 2 ** bits - 1 };
}

/** Largest magnitude of a narrow-range signed weight: 2^(bits-1) - 1. */
export function weightLimit(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/**
 * Symmetric narrow-range weight scale for the largest magnitude `bound`: bound / (2^(bits-1) - 1). An all-zero channel
 * gets scale 1, its integers are 0.
 */
export function weightScale(bound: number, bits: number): number {
  return bound > 0 ? bound / weightLimit(bits) : 1;
}

/** The integer nearest to a real, halves up, within the range. */
export function quantize(value: number, { scale, zeroPoint, low, high }: Quantization): number {
  return clamp(roundHalfUp(value / scale) + zeroPoint, low, high);
}

/** The real that an integer stands for. */
export function dequantize(q: number, { scale, zeroPoint }: Quantization): number {
  return scale * (q - zeroPoint);
}
