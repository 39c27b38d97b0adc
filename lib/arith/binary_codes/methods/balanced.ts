import type { CodeMethod } from "../codes.ts";
import { equalLevels } from "../equal_levels.ts";
import { countUpTo } from "../nearest_codes.ts";

/**
 * As many values at each level as at any other (Zhou et al., "Balanced Quantization: An Effective and Efficient Approach
 * to Quantized Neural Networks", 2017, arXiv 1706.07145, section 3): the quantiles of the values part them, and their
 * parts get the levels of the uniform quantization in order. Equal values stay together.
 */
export const BALANCED: CodeMethod = {
  name: "balanced",
  summary: "the levels of uniform, each for the same share of the values in ascending order",
  bits: [1, 2, 3, 4],
  encode(values, bits) {
    const ascending = Float64Array.from(values).sort();
    const levels = 2 ** bits;
    const quantiles = Float64Array.from(
      { length: levels - 1 },
      (_, j) => ascending[Math.ceil((j + 1) * values.length / levels)] ?? Infinity,
    );
    const codes = Uint8Array.from({ length: values.length }, (_, i) => countUpTo(quantiles, values[i]));
    return { coefficients: equalLevels(values, bits), codes };
  },
};
