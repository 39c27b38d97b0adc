import { distributionOf, magnitudesOf, quantile } from "../distribution.ts";
import { includingZero } from "../range.ts";
import type { Observer } from "../observer.ts";

/**
 * The range that `percentile` percent of the values lie in. What is cut is cut from the far end of a tensor of one sign,
 * half from each end of a signed tensor, and from |x| when the quantizer is symmetric (arXiv 2004.09602, section 4).
 */
export const percentile: Observer = {
  name: "percentile",
  description: "the range that the given percentage of all values lie in",
  options: [{ name: "percentile", description: "percentage of values kept", default: 99.99, low: 50, high: 100 }],
  settings: [{ percentile: 99.9 }, { percentile: 99.99 }, { percentile: 99.999 }],
  range(statistics, { symmetric }, { percentile }) {
    const kept = percentile / 100;
    const values = distributionOf(statistics);
    if (values.min >= 0) return includingZero(0, quantile(values, kept));
    if (symmetric) {
      const bound = quantile(distributionOf(magnitudesOf(statistics)), kept);
      return { min: 0 - bound, max: bound };
    }
    if (values.max <= 0) return includingZero(quantile(values, 1 - kept), 0);
    return includingZero(quantile(values, (1 - kept) / 2), quantile(values, (1 + kept) / 2));
  },
};
