import type { CodeProductProblem } from "../../lib/arith/problem.ts";

/**
 * What kernels compute of output o, on sums over the set bits alone of activations a = q - offset:
 *
 *     acc[o] = sum over k of 2 m[o, k] * (sum over set bits of a) + negatedSum * (sum of q) + constant
 *
 * the same modulo 2^32 as the definition, since b = 2 bit - 1.
 */
export interface FoldedRow {
  /** 2 m[o, k] */
  readonly multipliers: Int32Array;
  /** - sum over k of m[o, k] */
  readonly negatedSum: number;
  readonly constant: number;
}

export function foldedRow(problem: CodeProductProblem, o: number, offset: number): FoldedRow {
  const { inputs, bits, inputZeroPoint, codes, multipliers, bias } = problem;
  const rowBytes = Math.ceil(inputs / 8);
  let sum = 0;
  let constant = bias[o];
  for (let k = 0; k < bits; k++) {
    const multiplier = multipliers[o * bits + k];
    const row = (o * bits + k) * rowBytes;
    sum = (sum + multiplier) | 0;
    constant =
      (constant + Math.imul(Math.imul(2 * (offset - inputZeroPoint), multiplier), setBits(codes, row, rowBytes))) | 0;
  }
  constant = (constant + Math.imul(sum, Math.imul(inputs, inputZeroPoint))) | 0;
  const own = multipliers.subarray(o * bits, (o + 1) * bits);
  return { multipliers: own.map((multiplier) => 2 * multiplier), negatedSum: -sum | 0, constant };
}

function setBits(codes: Uint8Array, first: number, count: number): number {
  let sum = 0;
  for (let i = first; i < first + count; i++) {
    for (let byte = codes[i]; byte > 0; byte &= byte - 1) sum++;
  }
  return sum;
}
