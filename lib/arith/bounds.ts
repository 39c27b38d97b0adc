/** Accumulators are int32. */
export const ACCUMULATOR_MAX = 2 ** 31 - 1;

/**
 * Largest magnitude that the accumulator of one output channel can reach:
 *
 *     sum |q_w| * max |q_a - Z_a| + |B|
 *
 * over its weights `weights[start .. start + length)`; exact, since every term and the sum stay far below 2^53.
 */
export function accumulatorBound(
  weights: ArrayLike<number>,
  start: number,
  length: number,
  maxActivation: number,
  bias: number,
): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) sum += Math.abs(weights[i]);
  return sum * maxActivation + Math.abs(bias);
}

/** max |q - Z| over low <= q <= high. */
export function maxMagnitude(low: number, high: number, zeroPoint: number): number {
  return Math.max(Math.abs(low - zeroPoint), Math.abs(high - zeroPoint));
}
