/**
 * The least squared error of codes of 2 bits, exactly. With coefficients a >= b >= 0 the sums are +-(a + b), +-(a - b), and
 * the nearest one has the sign of the value: what is left are two means of the magnitudes, which one threshold parts.
 */
export function leastTwoBitError(values: ArrayLike<number>): number {
  const magnitudes = Float64Array.from(values, Math.abs).sort();
  const total = magnitudes.reduce((sum, m) => sum + m, 0);
  const squares = magnitudes.reduce((sum, m) => sum + m * m, 0);
  const n = magnitudes.length;
  let explained = n === 0 ? 0 : total * total / n;
  let below = 0;
  for (let i = 1; i < n; i++) {
    below += magnitudes[i - 1];
    explained = Math.max(explained, below * below / i + (total - below) ** 2 / (n - i));
  }
  return Math.max(squares - explained, 0);
}
