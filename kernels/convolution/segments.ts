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
const LENGTHS = [16, 8, 4, 2, 1];

/** Cost of widening the int16 sums of a segment, and of a step by itself, in steps of a segment. */
const WIDENING = 0.5;
const CORRECTION = 4;

/**
 * The cheapest segments whose int16 sums of pairs are exact whatever the activations are. These lie in 0 .. inputHigh,
 * so the signs of the weights bound a sum:
 *
 *     inputHigh * sum of positive weights <= 2^15 - 1        -inputHigh * sum of negative weights <= 2^15
 *
 * A few weights that are too large for that are left out of their segments and added by steps of their own.
 * @param inputHigh at most 127, which needs no corrections in segments of one step
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
  let least = Infinity;
  for (const length of new Set(LENGTHS.map((longest) => Math.min(longest, sum.steps)))) {
    const widening = WIDENING * steps / length;
    if (widening >= least) break;
    const corrections = oversizedWeights(sum, weights, length, inputHigh, steps / CORRECTION);
    if (corrections === undefined) continue;
    const cost = widening + CORRECTION * corrections.length;
    if (cost >= least) continue;
    least = cost;
    best = { length, corrections };
  }
  return best;
}

/** Weights to leave out of segments of `length` steps, the largest first of each; undefined for more than `most`. */
function oversizedWeights(
  sum: DenseSum,
  weights: Int8Array,
  length: number,
  inputHigh: number,
  most: number,
): number[] | undefined {
  const positiveMost = Math.floor((2 ** 15 - 1) / inputHigh);
  const negativeMost = Math.floor(2 ** 15 / inputHigh);
  const oversized: number[] = [];
  const span = length * ELEMENTS_PER_STEP;
  for (let run = 0; run < weights.length; run += sum.elements) {
    for (let first = 0; first < sum.elements; first += span) {
      const end = run + Math.min(first + span, sum.elements);
      for (const pair of [0, 2]) {
        let positive = 0;
        let negative = 0;
        for (let i = run + first + pair; i < end; i += ELEMENTS_PER_STEP) {
          const second = i + 1 < end ? weights[i + 1] : 0;
          positive += Math.max(weights[i], 0) + Math.max(second, 0);
          negative -= Math.min(weights[i], 0) + Math.min(second, 0);
        }
        if (positive <= positiveMost && negative <= negativeMost) continue;
        const members = pairMembers(run + first + pair, end).sort((a, b) =>
          Math.abs(weights[b]) - Math.abs(weights[a])
        );
        for (const i of members) {
          const weight = weights[i];
          if (weight > 0 ? positive <= positiveMost : negative <= negativeMost) continue;
          if (weight > 0) positive -= weight;
          else negative += weight;
          oversized.push(i);
        }
        if (oversized.length > most) return undefined;
      }
    }
  }
  return oversized.sort((a, b) => a - b);
}

/** Elements of one pair of every step from `first` on. */
function pairMembers(first: number, end: number): number[] {
  const members: number[] = [];
  for (let i = first; i < end; i += ELEMENTS_PER_STEP) {
    members.push(i);
    if (i + 1 < end) members.push(i + 1);
  }
  return members;
}
