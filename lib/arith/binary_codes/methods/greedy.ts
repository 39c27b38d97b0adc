import type { CodeMethod } from "../codes.ts";

/**
 * One binary vector after the other, each the best for what those before it left: b_k the signs of the residual, its
 * coefficient their mean magnitude (Guo et al., CVPR 2017; arXiv 1802.00150, equations 3 and 4). 0 counts as positive.
 */
export const GREEDY: CodeMethod = {
  name: "greedy",
  summary: "signs and mean magnitude of the values, then of what is left of them, and so on",
  bits: [1, 2, 3, 4],
  encode(values, bits) {
    const residual = Float64Array.from(values);
    const codes = new Uint8Array(values.length);
    const coefficients = Float64Array.from({ length: bits }, (_, k) => {
      const coefficient = addSigns(codes, residual, k);
      for (let i = 0; i < residual.length; i++) residual[i] -= codes[i] >> k & 1 ? coefficient : -coefficient;
      return coefficient;
    });
    return { coefficients, codes };
  },
};

/** Sets bit k of the codes where the residual is not negative; returns its mean magnitude. */
export function addSigns(codes: Uint8Array, residual: Float64Array, k: number): number {
  let sum = 0;
  for (let i = 0; i < residual.length; i++) {
    sum += Math.abs(residual[i]);
    if (residual[i] >= 0) codes[i] |= 1 << k;
  }
  return residual.length === 0 ? 0 : sum / residual.length;
}
