/**
 * Coefficients whose 2^bits sums are equally spaced over [-bound, bound], level j that of code j: the code of a uniform
 * quantization (arXiv 1802.00150, equation 1), since 2j - (2^bits - 1) is the sum of +-2^k over the bits of j.
 */
export function equalLevels(values: ArrayLike<number>, bits: number): Float64Array {
  let bound = 0;
  for (let i = 0; i < values.length; i++) bound = Math.max(bound, Math.abs(values[i]));
  return Float64Array.from({ length: bits }, (_, k) => bound * 2 ** k / (2 ** bits - 1));
}
