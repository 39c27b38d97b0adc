import type { Quantization, Range } from "../arith/quantization.ts";
import type { Distribution } from "./distribution.ts";
import type { RangeTarget } from "./observer.ts";
import { quantizationOf } from "./range.ts";

/**
 * Counts in bins of one width, bin i over (first + i) * width .. (first + i + 1) * width, as running sums: `below[i]`,
 * `filledBelow[i]` and `informationBelow[i]` are the count, the number of bins that are not empty, and the sum of
 * count * log(count), over the bins before i.
 */
export interface LinearHistogram {
  readonly width: number;
  readonly first: number;
  readonly counts: Float64Array;
  readonly below: Float64Array;
  readonly filledBelow: Float64Array;
  readonly informationBelow: Float64Array;
}

/**
 * The values of `distribution` over `range`, which holds them all, in bins of `width`; values that are exactly 0 are left
 * out, since 0 is exact under every range.
 */
export function linearHistogram(distribution: Distribution, { min, max }: Range, width: number): LinearHistogram {
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
 * KL(P || Q) of clipping to `range`; infinite where P has mass and Q has none, and where most of P was clipped. With N the mass of P and M that of Q,
 *
 *     KL = (sum P log P - sum over integers of (mass of P) * log(Q of each of its bins)) / N - log N + log M
 */
export function clipDivergence(histogram: LinearHistogram, range: Range, target: RangeTarget): number {
  const { width, first, counts, below, filledBelow, informationBelow } = histogram;
  const start = Math.max(Math.floor(range.min / width) - first, 0);
  const end = Math.min(Math.ceil(range.max / width) - first, counts.length);
  const clippedLow = below[start];
  const clippedHigh = below[counts.length] - below[end];
  const all = below[counts.length];
  const inside = below[end] - below[start];
  if (all === 0) return 0;
  if (inside < all / 2) return Infinity;
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
