import { type CodeMethod, codeValues, withoutNegatives } from "../codes.ts";
import { fitCoefficients } from "../fit_coefficients.ts";
import { addSigns } from "./greedy.ts";

/**
 * Greedy, but all coefficients so far are fitted again after each step, before the next residual is taken (Guo et al.,
 * CVPR 2017; arXiv 1802.00150, equation 5).
 */
export const REFINED: CodeMethod = {
  name: "refined",
  summary: "greedy with all coefficients fitted by least squares after each step",
  bits: [1, 2, 3, 4],
  encode(values, bits) {
    const residual = Float64Array.from(values);
    const codes = new Uint8Array(values.length);
    let coefficients = new Float64Array(bits);
    for (let k = 0; k < bits; k++) {
      addSigns(codes, residual, k);
      coefficients = new Float64Array(bits);
      coefficients.set(fitCoefficients(values, codes, k + 1));
      const sums = codeValues(coefficients.subarray(0, k + 1));
      for (let i = 0; i < residual.length; i++) residual[i] = values[i] - sums[codes[i]];
    }
    return withoutNegatives({ coefficients, codes });
  },
};
