import type { CodeMethod } from "../codes.ts";
import { equalLevels } from "../equal_levels.ts";
import { nearestCodes } from "../nearest_codes.ts";

/** Rounding to 2^bits levels at equal distances from -max |w| to max |w| (arXiv 1802.00150, equation 1). */
export const UNIFORM: CodeMethod = {
  name: "uniform",
  summary: "nearest of 2^bits levels at equal distances between -max |w| and max |w|",
  bits: [1, 2, 3, 4],
  encode(values, bits) {
    const coefficients = equalLevels(values, bits);
    return { coefficients, codes: nearestCodes(values, coefficients) };
  },
};
