import type { AveragePoolProblem, ConvolutionProblem, RecurrentProblem, StoredDType, SumProblem } from "./problem.ts";

/** Accumulators are int32. */
export const ACCUMULATOR_MAX = 2 ** 31 - 1;

const INT64_MAX = 2n ** 63n - 1n;

/** The integers that a stored dtype can hold. */
export const STORED_RANGE: Readonly<Record<StoredDType, { readonly low: number; readonly high: number }>> = {
  u8: { low: 0, high: 2 ** 8 - 1 },
  u16: { low: 0, high: 2 ** 16 - 1 },
  i16: { low: -(2 ** 15), high: 2 ** 15 - 1 },
  i32: { low: -(2 ** 31), high: 2 ** 31 - 1 },
};

/** max |q - Z| over low <= q <= high. */
export function maxMagnitude(low: number, high: number, zeroPoint: number): number {
  return Math.max(Math.abs(low - zeroPoint), Math.abs(high - zeroPoint));
}

/**
 * Largest magnitude that the accumulator of one output channel can reach (DESIGN section 4):
 *
 *     sum |q_w| * max |q_a - Z_a| + |B|
 *
 * over its weights `weights[start .. start + length)`; exact, since every sum stays far below 2^53. It bounds every
 * partial sum too, in any order of summation.
 */
export function accumulatorBound(
  weights: Int8Array,
  start: number,
  length: number,
  maxActivation: number,
  bias: number,
): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) sum += Math.abs(weights[i]);
  return sum * maxActivation + Math.abs(bias);
}

/** `accumulatorBound` of every output channel, for inputs in 0 .. inputHigh. */
export function accumulatorBounds(problem: ConvolutionProblem): Float64Array {
  const { weights, outputChannels, inputZeroPoint, inputHigh, bias } = problem;
  const length = weights.length / outputChannels;
  const activation = maxMagnitude(0, inputHigh, inputZeroPoint);
  return Float64Array.from(
    bias,
    (b, channel) => accumulatorBound(weights, channel * length, length, activation, b),
  );
}

/** max |q - Z| over everything that a stored dtype can hold. */
export function storedMagnitude(dtype: StoredDType, zeroPoint: number): number {
  const { low, high } = STORED_RANGE[dtype];
  return maxMagnitude(low, high, zeroPoint);
}

/** The first output channel whose accumulator may leave int32, with its bound; undefined when none can. */
export function overflowingChannel(bounds: Float64Array): { channel: number; bound: number } | undefined {
  const channel = bounds.findIndex((bound) => bound > ACCUMULATOR_MAX);
  return channel < 0 ? undefined : { channel, bound: bounds[channel] };
}

/**
 * Whether every sum of a `sum` problem, rounding constant included, stays in int64. `bounds` gives the proven magnitude
 * per channel of terms that are accumulators; without it any value of the stored dtype counts.
 */
export function sumFitsInt64(problem: SumProblem, bounds: readonly (Float64Array | undefined)[]): boolean {
  const rounding = problem.shift === 0 ? 0n : 1n << BigInt(problem.shift - 1);
  for (let channel = 0; channel < problem.channels; channel++) {
    let sum = rounding;
    problem.terms.forEach((term, i) => {
      const bound = bounds[i]?.[channel] ?? storedMagnitude(term.dtype, term.zeroPoint);
      const multiplier = term.multipliers[term.multipliers.length === 1 ? 0 : channel];
      sum += BigInt(bound) * BigInt(Math.abs(multiplier));
    });
    if (sum > INT64_MAX) return false;
  }
  return true;
}

/** Largest magnitude of an average pool's integer sum: taps times the largest |q - Z|. */
export function poolSumBound({ window, inputDtype, inputZeroPoint }: AveragePoolProblem): number {
  return window.kernelHeight * window.kernelWidth * storedMagnitude(inputDtype, inputZeroPoint);
}

/** Largest magnitude of a_h in each row of a recurrence, whatever u8 h is. */
export function recurrentBounds({ weights, bias, hidden, output: { zeroPoint } }: RecurrentProblem): Float64Array {
  const magnitude = storedMagnitude("u8", zeroPoint);
  return Float64Array.from(bias, (b, row) => accumulatorBound(weights, row * hidden, hidden, magnitude, b));
}

/**
 * Whether the rescaled sum of every row of a recurrence, rounding constant included, stays in int64. `inputBounds` and
 * `recurrentBounds` give the proven magnitudes of a_x and a_h; without the first any int32 counts.
 */
export function gatesFitInt64(
  problem: RecurrentProblem,
  inputBounds: Float64Array | undefined,
  recurrentBounds: Float64Array,
): boolean {
  const { inputMultipliers, recurrentMultipliers, shift } = problem;
  const peepholes = problem.kind === "lstm" ? problem.peepholes : undefined;
  const rounding = shift === 0 ? 0n : 1n << BigInt(shift - 1);
  return recurrentBounds.every((bound, row) => {
    const input = BigInt(inputBounds?.[row] ?? storedMagnitude("i32", 0)) * BigInt(inputMultipliers[row]);
    const state = BigInt(Math.abs(peepholes?.[row] ?? 0)) * BigInt(storedMagnitude("i16", 0));
    return input + BigInt(bound) * BigInt(recurrentMultipliers[row]) + state + rounding <= INT64_MAX;
  });
}
