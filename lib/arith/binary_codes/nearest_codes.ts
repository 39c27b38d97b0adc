import { codeValues } from "./codes.ts";

/**
 * For fixed coefficients the code of each value whose sum is nearest: a binary search among the midpoints of the 2^bits
 * sums in ascending order (arXiv 1802.00150, section 3 and algorithm 1). A value in the middle gets the larger sum; of
 * equal sums the smallest code stands for all.
 */
export function nearestCodes(values: ArrayLike<number>, coefficients: Float64Array): Uint8Array {
  const sums = codeValues(coefficients);
  const order = Array.from(sums, (_, code) => code)
    .sort((a, b) => sums[a] - sums[b] || a - b)
    .filter((code, i, all) => i === 0 || sums[code] !== sums[all[i - 1]]);
  const midpoints = Float64Array.from(order.slice(1), (code, i) => (sums[order[i]] + sums[code]) / 2);
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < codes.length; i++) codes[i] = order[countUpTo(midpoints, values[i])];
  return codes;
}

/** How many of ascending `thresholds` are at most `value`. */
export function countUpTo(thresholds: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (thresholds[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
