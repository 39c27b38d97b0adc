/**
 * By how many standard errors the mean of `a` lies below that of `b`, both of the same samples: the paired difference (Student,
 * "The probable error of a mean", 1908). Positive when `a` is less; 0 for equal values.
 * @throws RangeError for lists of different lengths, or of fewer than two.
 */
export function standardErrorsBelow(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const count = a.length;
  if (count !== b.length || count < 2) throw new RangeError(`cannot pair ${count} with ${b.length} samples`);
  const differences = Float64Array.from({ length: count }, (_, i) => b[i] - a[i]);
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / count;
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  return mean === 0 ? 0 : mean / Math.sqrt(squares / (count - 1) / count);
}
