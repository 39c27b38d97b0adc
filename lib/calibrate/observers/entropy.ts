import type { Quantization, Range } from "../../arith/quantization.ts";
import { type Distribution, distributionOf } from "../distribution.ts";
import { includingZero, quantizationOf } from "../range.ts";
import type { Observer, RangeTarget } from "../observer.ts";

/** Linear bins between 0 and the largest magnitude. */
const LINEAR_BINS = 2048;
/** The narrowest range tried, as in the published method: 1/16 of the widest, and a bin for every integer. */
const FEWEST_BINS = 128;

/**
 * Clips at the magnitude t that loses least information (Migacz, "8-bit inference with TensorRT", GTC 2017; arXiv
 * 2004.09602, section 4). For every t that is a multiple of the bin width,
 *
 *     P = counts of the bins within the range, the first and the last also holding what lies beyond
 *     Q = the same without what lies beyond, spread evenly over the bins that share an integer and are not empty
 *     t = argmin KL(P || Q) = argmin sum P log(P / Q), both normalised
 *
 * Here the bins are shared out to integers by the quantizer that the range would get, so that any width, affine and
 * symmetric are one case; and values that are exactly 0, of which a ReLU makes many, take no part, since 0 is exact
 * under every range.
 */
export const entropy: Observer = {
  name: "entropy",
  description:
    "the clipping threshold with the least Kullback-Leibler divergence of the quantized from the real values",
  options: [],
  settings: [{}],
  range(statistics, target) {
    const distribution = distributionOf(statistics);
    const widest = includingZero(distribution.min, distribution.max);
    const bound = Math.max(-widest.min, widest.max);
    const levels = 2 ** (widest.min < 0 ? target.bits - 1 : target.bits);
    if (bound === 0 || levels >= LINEAR_BINS) return widest;

    const histogram = linearHistogram(distribution, widest, bound / LINEAR_BINS);
    let best = widest;
    let least = divergence(histogram, widest, target);
    for (let bins = LINEAR_BINS - 1; bins >= Math.max(levels, FEWEST_BINS); bins--) {
      const threshold = bins * histogram.width;
      const range = { min: Math.max(widest.min, -threshold), max: Math.min(widest.max, threshold) };
      const candidate = divergence(histogram, range, target);
      if (candidate < least) [best, least] = [range, candidate];
    }
    return best;
  },
};

/**
 * Counts in bins of one width, bin i over (first + i) * width .. (first + i + 1) * width, as running sums: `below[i]`,
 * `filledBelow[i]` and `informationBelow[i]` are the count, the number of bins that are not empty, and the sum of
 * count * log(count), over the bins before i.
 */
interface LinearHistogram {
  readonly width: number;
  readonly first: number;
  readonly counts: Float64Array;
  readonly below: Float64Array;
  readonly filledBelow: Float64Array;
  readonly informationBelow: Float64Array;
}

function linearHistogram(distribution: Distribution, { min, max }: Range, width: number): LinearHistogram {
  const first = Math.floor(min / width);
  const counts = new Float64Array(Math.ceil(max / width) - first);
  const indexOf = (x: number): number => Math.min(Math.max(Math.floor(x / width) - first, 0), counts.length - 1);
  for (let i = 0; i < distribution.counts.length; i++) {
    const [low, high, count] = [distribution.lows[i], distribution.highs[i], distribution.counts[i]];
    if (low === 0 && high === 0) continue;
    const [from, to] = [indexOf(low), indexOf(high)];
    if (from === to) counts[from] += count;
    else {
      for (let bin = from; bin <= to; bin++) {
        const covered = Math.min(high, (first + bin + 1) * width) - Math.max(low, (first + bin) * width);
        if (covered > 0) counts[bin] += count * (covered / (high - low));
      }
    }
  }
  const [below, filledBelow, informationBelow] = Array.from({ length: 3 }, () => new Float64Array(counts.length + 1));
  for (let i = 0; i < counts.length; i++) {
    below[i + 1] = below[i] + counts[i];
    filledBelow[i + 1] = filledBelow[i] + (counts[i] > 0 ? 1 : 0);
    informationBelow[i + 1] = informationBelow[i] + information(counts[i]);
  }
  return { width, first, counts, below, filledBelow, informationBelow };
}

function information(count: number): number {
  return count > 0 ? count * Math.log(count) : 0;
}

/**
 * KL(P || Q) of clipping to `range`; infinite where P has mass and Q has none. With N the mass of P and M that of Q,
 *
 *     KL = (sum P log P - sum over integers of (mass of P) * log(Q of each of its bins)) / N - log N + log M
 */
function divergence(histogram: LinearHistogram, range: Range, target: RangeTarget): number {
  const { width, first, counts, below, filledBelow, informationBelow } = histogram;
  const start = Math.max(Math.floor(range.min / width) - first, 0);
  const end = Math.min(Math.ceil(range.max / width) - first, counts.length);
  const clippedLow = below[start];
  const clippedHigh = below[counts.length] - below[end];
  const all = below[counts.length];
  const inside = below[end] - below[start];
  if (all === 0) return 0;
  if ((clippedLow > 0 && !(counts[start] > 0)) || (clippedHigh > 0 && !(counts[end - 1] > 0))) return Infinity;

  let own = informationBelow[end] - informationBelow[start];
  if (start === end - 1) own += information(counts[start] + clippedLow + clippedHigh) - information(counts[start]);
  else {
    own += information(counts[start] + clippedLow) - information(counts[start]);
    own += information(counts[end - 1] + clippedHigh) - information(counts[end - 1]);
  }

  const quantization = quantizationOf(range, target);
  let cross = 0;
  let from = start;
  for (let q = quantization.low; q <= quantization.high && from < end; q++) {
    const to = q === quantization.high ? end : Math.min(Math.max(firstBinAbove(q, quantization, histogram), from), end);
    const filled = filledBelow[to] - filledBelow[from];
    if (filled > 0) {
      const mass = below[to] - below[from];
      const reference = mass + (from === start ? clippedLow : 0) + (to === end ? clippedHigh : 0);
      cross += reference * Math.log(mass / filled);
    }
    from = to;
  }
  return (own - cross) / all - Math.log(all) + Math.log(inside);
}

/** The first bin whose centre rounds to more than q. */
function firstBinAbove(q: number, { scale, zeroPoint }: Quantization, { width, first }: LinearHistogram): number {
  return Math.ceil((scale * (q + 0.5 - zeroPoint)) / width - 0.5) - first;
}
