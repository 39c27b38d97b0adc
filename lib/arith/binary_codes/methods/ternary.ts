import type { CodeMethod } from "../codes.ts";

const MINUS = 0b00;
const ZERO = 0b01;
const PLUS = 0b11;

/**
 * Values in {-a, 0, a} of least squared error: the t largest magnitudes get their sign, a is their mean, and t is where
 * (sum of the t largest)^2 / t is largest (Li and Liu, "Ternary Weight Networks", 2016, arXiv 1605.04711, equation 5,
 * solved exactly instead of by a threshold of 0.7 times the mean). As two binary vectors of equal coefficients a / 2.
 */
export const TERNARY: CodeMethod = {
  name: "ternary",
  summary: "-a, 0 or a: the exact least squared error, as two binary vectors of equal coefficients",
  bits: [2],
  encode(values) {
    const magnitudes = Float64Array.from(values, Math.abs).sort().reverse();
    let sum = 0;
    let best = { score: 0, threshold: Infinity, coefficient: 0 };
    magnitudes.forEach((magnitude, i) => {
      sum += magnitude;
      const score = sum * sum / (i + 1);
      if (score > best.score) best = { score, threshold: magnitude, coefficient: sum / (i + 1) / 2 };
    });
    const codes = Uint8Array.from({ length: values.length }, (_, i) => {
      if (Math.abs(values[i]) < best.threshold) return ZERO;
      return values[i] < 0 ? MINUS : PLUS;
    });
    return { coefficients: Float64Array.of(best.coefficient, best.coefficient), codes };
  },
};
