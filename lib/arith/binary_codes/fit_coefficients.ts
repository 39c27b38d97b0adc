/** A pivot below this part of n stands for a binary vector that depends on those before it. */
const DEPENDENT = 1e-9;

/**
 * The coefficients of least squared error for fixed codes, (B^T B)^-1 B^T w (arXiv 1802.00150, equation 5), by Gaussian
 * elimination in the order of the bits. The entries of B^T B are integers. A binary vector that depends on earlier ones
 * adds nothing and gets coefficient 0.
 */
export function fitCoefficients(values: ArrayLike<number>, codes: Uint8Array, bits: number): Float64Array {
  const { counts, sums } = byCode(values, codes, bits);
  const rows = Array.from({ length: bits }, (_, k) => {
    const row = new Float64Array(bits + 1);
    for (let code = 0; code < counts.length; code++) {
      for (let j = 0; j < bits; j++) row[j] += signOf(code, k) * signOf(code, j) * counts[code];
      row[bits] += signOf(code, k) * sums[code];
    }
    return row;
  });
  const independent = rows.map((row, k) => {
    if (!(row[k] > DEPENDENT * values.length)) return false;
    for (const below of rows.slice(k + 1)) {
      const factor = below[k] / row[k];
      for (let j = k; j <= bits; j++) below[j] -= factor * row[j];
    }
    return true;
  });
  const coefficients = new Float64Array(bits);
  for (let k = bits - 1; k >= 0; k--) {
    if (!independent[k]) continue;
    let rest = rows[k][bits];
    for (let j = k + 1; j < bits; j++) rest -= rows[k][j] * coefficients[j];
    coefficients[k] = rest / rows[k][k];
  }
  return coefficients;
}

/** How many values each code has, and their sums: all that the least squares need. */
function byCode(values: ArrayLike<number>, codes: Uint8Array, bits: number) {
  const counts = new Float64Array(2 ** bits);
  const sums = new Float64Array(2 ** bits);
  for (let i = 0; i < values.length; i++) {
    counts[codes[i]]++;
    sums[codes[i]] += values[i];
  }
  return { counts, sums };
}

function signOf(code: number, k: number): number {
  return code >> k & 1 ? 1 : -1;
}
