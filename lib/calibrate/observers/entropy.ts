import { clipDivergence, linearHistogram } from "../clip_divergence.ts";
import { distributionOf } from "../distribution.ts";
import type { Observer } from "../observer.ts";
import { includingZero } from "../range.ts";

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
 * under every range. Ranges that clip more than half of the rest are left out: where values begin far from 0, the first
 * bin that holds any would take all of P and Q, and clipping everything would seem to lose nothing.
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
    let least = clipDivergence(histogram, widest, target);
    for (let bins = LINEAR_BINS - 1; bins >= Math.max(levels, FEWEST_BINS); bins--) {
      const threshold = bins * histogram.width;
      const range = { min: Math.max(widest.min, -threshold), max: Math.min(widest.max, threshold) };
      const candidate = clipDivergence(histogram, range, target);
      if (candidate < least) [best, least] = [range, candidate];
    }
    return best;
  },
};
