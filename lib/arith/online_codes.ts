import { dyadicFromRatio } from "./dyadic.ts";
import { clamp, rescaleRoundHalfUp } from "./round.ts";

/**
 * Vectors of activations as binary codes that each finds for itself at run time (Xu et al., "Alternating Multi-bit
 * Quantization for Recurrent Neural Networks", ICLR 2018, arXiv 1802.00150, section 4): for each of `vectors` vectors q of
 * `length` integers u8 with zero point Z
 *
 *     y[i] = clamp(Z + sum over k of B[k] * b_k[i], low, high),   b_k[i] = +1 or -1, B[k] integers,
 *
 * where the sum is one of the 2^bits values +-B[0] +- B[1] ... nearest to q[i] - Z. Scale and zero point stay, so what reads
 * y reads activations. The B of a vector are those of `codeCoefficients`.
 */
export interface OnlineCodesProblem {
  readonly kind: "online_codes";
  readonly vectors: number;
  /** At most `CODED_LENGTH_MAX`. */
  readonly length: number;
  /** 1 to 4. */
  readonly bits: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** The longest vector: sums of the magnitudes of so many stay in 32 bits. */
export const CODED_LENGTH_MAX = 2 ** 16;
/** Magnitudes |q - Z| of activations of 8 bits: 0 .. 255. */
export const MAGNITUDES = 256;
/** Coefficients are found in units of 2^-4. */
export const COEFFICIENT_BITS = 4;
/** And stay within the largest magnitude. */
export const COEFFICIENT_MAX = (MAGNITUDES - 1) << COEFFICIENT_BITS;
/** Of codes by nearest value and coefficients by least squares in turn. The paper takes 2. */
export const CODING_ROUNDS = 16;
/** Passes over the coefficients that make their least squares. */
export const FITTING_SWEEPS = 2;

/** How many magnitudes of a vector are below t, and their sum, for t = 0 .. 256. */
export interface MagnitudeSums {
  readonly counts: Int32Array;
  readonly sums: Int32Array;
}

/** A value of codes: their sum, and bit k set where the sign of coefficient k is +. */
interface Level {
  readonly value: number;
  readonly code: number;
}

export function magnitudeSums(differences: Iterable<number>): MagnitudeSums {
  const counts = new Int32Array(MAGNITUDES + 1);
  const sums = new Int32Array(MAGNITUDES + 1);
  for (const difference of differences) counts[Math.abs(difference) + 1]++;
  for (let t = 1; t <= MAGNITUDES; t++) {
    sums[t] = sums[t - 1] + counts[t] * (t - 1);
    counts[t] += counts[t - 1];
  }
  return { counts, sums };
}

/**
 * The integers B of a vector. Since codes of -x are the negated codes of x, all that is needed of the vector are the sums of
 * its n magnitudes m up to each threshold, which the values of codes part into intervals. With x = 2^4 m, values v of the
 * coefficients a[0] .. a[k-1] sorted and x nearest to v_p where v_{p-1} + v_p < 2x <= v_p + v_{p+1}:
 *
 *     greedily, k = 0, 1, ...:   a[k] = round((sum over x of |x - v(x)|) / n)                     v of a[0] .. a[k-1]
 *     16 rounds:                 b(x) the codes of v(x), then twice for k = 0, 1, ...
 *                                a[k] = round((sum over x of b_k(x) * (x - sum over l <> k of a[l] * b_l(x))) / n)
 *     at last:                   B[k] = (a[k] + 8) >> 4
 *
 * 1 / n is a dyadic number, so nothing is divided; a[k] is kept within +-255 * 2^4, and no sum leaves 32 bits.
 */
export function codeCoefficients(magnitudes: MagnitudeSums, bits: number): Int32Array {
  const { counts, sums } = magnitudes;
  const { multiplier, shift } = dyadicFromRatio(1 / counts[MAGNITUDES]);
  const averaged = (sum: number): number =>
    clamp(rescaleRoundHalfUp(sum, multiplier, shift), -COEFFICIENT_MAX, COEFFICIENT_MAX);
  const found: number[] = [];
  while (found.length < bits) found.push(averaged(sumOfResiduals(found, magnitudes)));
  for (let round = 0; round < CODING_ROUNDS; round++) {
    const products = new Array<number>(bits).fill(0);
    const correlations = Array.from({ length: bits }, () => new Array<number>(bits).fill(0));
    const levels = levelsOf(found);
    thresholdsOf(levels, COEFFICIENT_BITS).forEach(([from, to], p) => {
      const sign = (k: number): number => levels[p].code >> k & 1 ? 1 : -1;
      const count = counts[to] - counts[from];
      const sum = (sums[to] - sums[from]) << COEFFICIENT_BITS;
      for (let k = 0; k < bits; k++) {
        products[k] += sign(k) * sum;
        for (let l = 0; l < bits; l++) correlations[k][l] += sign(k) * sign(l) * count;
      }
    });
    for (let sweep = 0; sweep < FITTING_SWEEPS; sweep++) {
      for (let k = 0; k < bits; k++) {
        found[k] = averaged(found.reduce((rest, a, l) => l === k ? rest : rest - correlations[k][l] * a, products[k]));
      }
    }
  }
  return Int32Array.from(found, (a) => (a + 2 ** (COEFFICIENT_BITS - 1)) >> COEFFICIENT_BITS);
}

/** The sum of B's signs nearest to each magnitude 0 .. 255. */
export function nearestValues(coefficients: ArrayLike<number>): Int32Array {
  const nearest = new Int32Array(MAGNITUDES);
  const levels = levelsOf(coefficients);
  thresholdsOf(levels, 0).forEach(([from, to], p) => nearest.fill(levels[p].value, from, to));
  return nearest;
}

/**
 * Replaces integers q by Z + the nearest sums of their own coefficients, vector by vector of `length`; a value below Z gets
 * the negated sum of its magnitude. Every |q - Z| is at most 255.
 */
export function codeVectors(
  values: { [i: number]: number; readonly length: number },
  { length, bits, zeroPoint, low, high }: Pick<OnlineCodesProblem, "length" | "bits" | "zeroPoint" | "low" | "high">,
): void {
  const differences = new Int32Array(length);
  for (let start = 0; start < values.length; start += length) {
    for (let i = 0; i < length; i++) differences[i] = values[start + i] - zeroPoint;
    const nearest = nearestValues(codeCoefficients(magnitudeSums(differences), bits));
    for (let i = 0; i < length; i++) {
      const difference = differences[i];
      const value = difference < 0 ? -nearest[-difference] : nearest[difference];
      values[start + i] = clamp(zeroPoint + value, low, high);
    }
  }
}

/** All sums of signed coefficients, from the least on; of equal ones that of the lower code first. */
function levelsOf(coefficients: ArrayLike<number>): Level[] {
  const levels = Array.from({ length: 2 ** coefficients.length }, (_, code): Level => {
    let value = 0;
    for (let k = 0; k < coefficients.length; k++) value += code >> k & 1 ? coefficients[k] : -coefficients[k];
    return { value, code };
  });
  return levels.sort((a, b) => a.value - b.value || a.code - b.code);
}

/** The magnitudes from .. to - 1 that are nearest to each of sorted levels, which have so many fraction bits. */
function thresholdsOf(levels: readonly Level[], fractionBits: number): [from: number, to: number][] {
  let from = 0;
  return levels.map(({ value }, p) => {
    const middle = p + 1 < levels.length ? (value + levels[p + 1].value) >> (fractionBits + 1) : MAGNITUDES;
    const to = clamp(middle + 1, from, MAGNITUDES);
    const interval: [number, number] = [from, to];
    from = to;
    return interval;
  });
}

/** Of x - v(x), v the nearest sums of coefficients that were found so far; their magnitudes. */
function sumOfResiduals(found: readonly number[], { counts, sums }: MagnitudeSums): number {
  const levels = levelsOf(found);
  return thresholdsOf(levels, COEFFICIENT_BITS).reduce((total, [from, to], p) => {
    const { value } = levels[p];
    // From here on x is not below the value.
    const above = clamp(((value - 1) >> COEFFICIENT_BITS) + 1, from, to);
    const part = (a: number, b: number): number =>
      ((sums[b] - sums[a]) << COEFFICIENT_BITS) - (counts[b] - counts[a]) * value;
    return total + part(above, to) - part(from, above);
  }, 0);
}
