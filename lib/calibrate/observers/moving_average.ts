import { extremesOf } from "../../format/tensor_statistics.ts";
import { includingZero } from "../range.ts";
import type { Observer } from "../observer.ts";

/**
 * Over the samples n = 0, 1, ... in data order, and likewise for max (Jacob et al., arXiv 1712.05877, section 3.1):
 *
 *     m_0 = min_0,   m_n = momentum * m_(n-1) + (1 - momentum) * min_n
 */
export const movingAverage: Observer = {
  name: "moving-average",
  description: "exponential moving average, in data order, of the smallest and the largest value of each sample",
  options: [{ name: "momentum", description: "weight of the samples before", default: 0.9, low: 0, high: 0.9999 }],
  settings: [{ momentum: 0.9 }],
  range(statistics, _target, { momentum }) {
    const { extremes } = statistics;
    extremesOf(statistics);
    let [min, max] = extremes;
    for (let i = 2; i < extremes.length; i += 2) {
      min = momentum * min + (1 - momentum) * extremes[i];
      max = momentum * max + (1 - momentum) * extremes[i + 1];
    }
    return includingZero(min, max);
  },
};
