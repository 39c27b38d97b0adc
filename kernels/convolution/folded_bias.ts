import type { ConvolutionProblem } from "../../lib/arith/problem.ts";

/**
 * bias[o] - inputZeroPoint * sum w[o, ..]: with it, kernels sum products of stored integers, where padding reads
 * inputZeroPoint. Wraps as int32, which is harmless: the sums do too, and their true value is an int32.
 */
export function foldedBias({ weights, bias, inputZeroPoint, outputChannels }: ConvolutionProblem): Int32Array {
  const perChannel = weights.length / outputChannels;
  return Int32Array.from({ length: outputChannels }, (_, o) => {
    let sum = 0;
    for (let i = o * perChannel; i < (o + 1) * perChannel; i++) sum += weights[i];
    return bias[o] - inputZeroPoint * sum;
  });
}
