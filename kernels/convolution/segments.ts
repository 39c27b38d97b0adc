import type { ConvolutionShape, DenseSum, DenseTile } from "./dense_layout.ts";

/** A step reads this many activations and weights of each output, in two pairs; a pair has an int16 sum of its own. */
export const ELEMENTS_PER_STEP = 4;

/** A sum in segments of `length` consecutive steps of a run, and the weights that are added apart from it. */
export interface Segments {
  readonly length: number;
  /** Positions in the problem's weights, in rising order. */
  readonly corrections: readonly number[];
}

/** Longest first. */
const LENGTHS = [16, 8, 4, 2];

/** Cost of widening the int16 sums of a segment, and of a step by itself, in steps of a segment. */
const WIDENING = 0.5;
const CORRECTION = 4;

/**
 * The cheapest segments whose int16 sums of pairs are exact whatever the activations are. These lie in 0 .. inputHigh,
 * so the signs of the weights bound a sum:
 *
 *     inputHigh * sum of positive weights <= 2^15 - 1        -inputHigh * sum of negative weights <= 2^15
 *
 * Where no weight is negative the first one holds for activations in -inputHigh .. inputHigh too. A few weights that are
 * too large are left out of their segments and added by steps of their own.
 * @param inputHigh a step by itself must fit: at most 128 with weights up to 127
 */
export function chooseSegments(
  shape: ConvolutionShape,
  tile: DenseTile,
  sum: DenseSum,
  weights: Int8Array,
  inputHigh: number,
): Segments {
  const steps = Math.ceil(shape.outputChannels / tile.outputs) * sum.rows * sum.runs * sum.steps;
  let best: Segments = { length: 1, corrections: [] };
  // Segments of one step, which need no corrections, are always left.
  let least = WIDENING * steps;
  for (const length of new Set(LENGTHS.map((longest) => Math.min(longest, sum.steps)))) {
    const widening = WIDENING * steps / length;
    if (widening >= least) break;
    const corrections = oversizedWeights(sum, weights, length, inputHigh, (least - widening) / CORRECTION);
    if (corrections === undefined) continue;
    const cost = widening + CORRECTION * corrections.length;
    if (cost >= least) continue;
    least = cost;
    best = { length, corrections };
  }
  return best;
}

/** Weights to leave out of segments of `length` steps, the largest of each; undefined for more than `most`. */
function oversizedWeights(
  sum: DenseSum,
  weights: Int8Array,
  length: number,
  inputHigh: number,
  most: number,
): number[] | undefined {
  const positiveMost = Math.floor((2 ** 15 - 1) / inputHigh);
  const negativeMost = Math.floor(2 ** 15 / inputHigh);
  const kept = weights.slice();
  const oversized: number[] = [];
  const leaveOut = (position: number): number => {
    const weight = kept[position];
    kept[position] = 0;
    oversized.push(position);
    return weight;
  };
  const span = length * ELEMENTS_PER_STEP;
  for (let run = 0; run < weights.length; run += sum.elements) {
    for (let start = 0; start < sum.elements; start += span) {
      const end = run + Math.min(start + span, sum.elements);
      for (let first = run + start; first < Math.min(run + start + ELEMENTS_PER_STEP, end); first += 2) {
        let positive = 0;
        let negative = 0;
        for (let i = first; i < end; i += ELEMENTS_PER_STEP) {
          const left = weights[i];
          const right = i + 1 < end ? weights[i + 1] : 0;
          if (left > 0) positive += left;
          else negative -= left;
          if (right > 0) positive += right;
          else negative -= right;
        }
        while (positive > positiveMost) positive -= leaveOut(largestOf(kept, first, end, 1));
        while (negative > negativeMost) negative += leaveOut(largestOf(kept, first, end, -1));
      }
      if (oversized.length > most) return undefined;
    }
  }
  return oversized.sort((a, b) => a - b);
}

/** Position of the weight of most `sign` among the pairs at `first` and every step on. */
function largestOf(weights: Int8Array, first: number, end: number, sign: 1 | -1): number {
  let largest = first;
  for (let i = first; i < end; i += ELEMENTS_PER_STEP) {
    if (sign * weights[i] > sign * weights[largest]) largest = i;
    if (i + 1 < end && sign * weights[i + 1] > sign * weights[largest]) largest = i + 1;
  }
  return largest;
}
