/**
 * Pearson's correlation of two lists of equal length, in [-1, 1]; undefined when one of them does not vary. Its square
 * is the R^2 of the straight line that fits one by the other with the least squares.
 */
export function pearsonCorrelation(a: readonly number[], b: readonly number[]): number | undefined {
  const [x, y] = [deviations(a), deviations(b)];
  const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
  if (!(xx > 0 && yy > 0)) return undefined;
  return Math.min(1, Math.max(-1, xy / (Math.sqrt(xx) * Math.sqrt(yy))));
}

/**
 * Spearman's rank correlation, in [-1, 1]: Pearson's of the ranks, equal values sharing the mean of their ranks; undefined
 * when one of the lists does not vary.
 */
export function spearmanCorrelation(a: readonly number[], b: readonly number[]): number | undefined {
  return pearsonCorrelation(ranksOf(a), ranksOf(b));
}

/** Ranks from 1 for the least; equal values share the mean of the ranks that they take up. */
export function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks = new Array<number>(values.length);
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && values[order[end]] === values[order[first]]) end++;
    for (let i = first; i < end; i++) ranks[order[i]] = (first + 1 + end) / 2;
    first = end;
  }
  return ranks;
}

/** Distances from the mean, in parts of the greatest, so that squares of no magnitude overflow or vanish. */
function deviations(values: readonly number[]): number[] {
  if (values.every((value) => value === values[0])) return values.map(() => 0);
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value - mean)), 0);
  return values.map((value) => (value - mean) / largest);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
