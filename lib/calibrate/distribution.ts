import { binEdge, extremesOf, type TensorStatistics } from "../format/tensor_statistics.ts";

/**
 * The distribution that binned counts stand for: `counts[i]` values spread evenly over lows[i] .. highs[i], intervals
 * ascending and apart. Zero is a point (lows = highs = 0), and the outermost intervals end at the exact extremes.
 */
export interface Distribution {
  readonly name: string;
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  readonly counts: Float64Array;
  readonly total: number;
  readonly min: number;
  readonly max: number;
}

/** @throws DyadError (input) when no value was seen. */
export function distributionOf(statistics: TensorStatistics): Distribution {
  const { name, bins, counts } = statistics;
  const { min, max } = extremesOf(statistics);
  const inside = (edge: number): number => Math.min(Math.max(edge, min), max);
  const lows = Float64Array.from(bins, (bin) => bin === 0 ? 0 : inside(bin < 0 ? -binEdge(1 - bin) : binEdge(bin)));
  const highs = Float64Array.from(bins, (bin) => bin === 0 ? 0 : inside(bin < 0 ? -binEdge(-bin) : binEdge(bin + 1)));
  return { name, lows, highs, counts, total: counts.reduce((a, b) => a + b, 0), min, max };
}

/** The distribution of |x|. */
export function magnitudesOf({ bins, counts, extremes, ...rest }: TensorStatistics): TensorStatistics {
  const folded = new Map<number, number>();
  bins.forEach((bin, i) => folded.set(Math.abs(bin), (folded.get(Math.abs(bin)) ?? 0) + counts[i]));
  const magnitudes = Int32Array.from(folded.keys()).sort();
  const ranges = extremes.map((_, i) => {
    const [min, max] = [extremes[i - i % 2], extremes[i - i % 2 + 1]];
    if (i % 2 === 1) return Math.max(-min, max);
    return min > 0 ? min : max < 0 ? -max : 0;
  });
  return {
    ...rest,
    bins: magnitudes,
    counts: Float64Array.from(magnitudes, (bin) => folded.get(bin)!),
    extremes: ranges,
  };
}

/**
 * The value below which `fraction` of the values lie, linear inside each interval: quantile(0) is the minimum,
 * quantile(1) the maximum.
 */
export function quantile({ lows, highs, counts, total, max }: Distribution, fraction: number): number {
  const rank = fraction * total;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    if (below + counts[i] >= rank) return lows[i] + (highs[i] - lows[i]) * ((rank - below) / counts[i]);
    below += counts[i];
  }
  return max; // only rounding of `fraction * total` gets here
}
