/**
 * A run of n real values as a sum of binary vectors (Guo et al., "Network Sketching", CVPR 2017; Xu et al., "Alternating
 * Multi-bit Quantization for Recurrent Neural Networks", ICLR 2018, arXiv 1802.00150, equation 2):
 *
 *     w[i] ~ sum over k of coefficients[k] * b_k[i],   b_k[i] = +1 where bit k of codes[i] is set, otherwise -1
 */
export interface BinaryCodes {
  /** One for each bit. */
  readonly coefficients: Float64Array;
  /** One for each value, 0 .. 2^bits - 1. */
  readonly codes: Uint8Array;
}

/** One way to find codes: a file of its own and a line in `CODE_METHODS` (mod.ts). */
export interface CodeMethod {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  /** The numbers of bits that it can be asked for. */
  readonly bits: readonly number[];
  /** Codes of finite values; all of them 0, or none at all, is no special case to the caller. */
  encode(values: ArrayLike<number>, bits: number): BinaryCodes;
}

/** Bits that binary codes can have. */
export const CODE_BITS: readonly number[] = [1, 2, 3, 4];

/** The 2^bits sums that codes stand for, by code. */
export function codeValues(coefficients: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: 2 ** coefficients.length }, (_, code) => {
    let sum = 0;
    for (let k = 0; k < coefficients.length; k++) sum += code >> k & 1 ? coefficients[k] : -coefficients[k];
    return sum;
  });
}

/** Sum of (w - w^)^2. */
export function squaredCodeError(values: ArrayLike<number>, { coefficients, codes }: BinaryCodes): number {
  const sums = codeValues(coefficients);
  let error = 0;
  for (let i = 0; i < values.length; i++) error += (values[i] - sums[codes[i]]) ** 2;
  return error;
}

/** The same approximation with coefficients that are not negative: -a b = a (-b). */
export function withoutNegatives({ coefficients, codes }: BinaryCodes): BinaryCodes {
  let flipped = 0;
  coefficients.forEach((coefficient, k) => flipped |= coefficient < 0 ? 1 << k : 0);
  return { coefficients: coefficients.map(Math.abs), codes: codes.map((code) => code ^ flipped) };
}
