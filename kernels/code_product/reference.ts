import type { CodeProductProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a product by binary codes: the equation of `CodeProductProblem`, bit by bit. */
export function codeProduct(problem: CodeProductProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { positions, inputs: columns, outputs, bits, inputZeroPoint, codes, multipliers, bias } = problem;
  const input = inputs[0] as Uint8Array;
  const result = output as Int32Array;
  const rowBytes = Math.ceil(columns / 8);
  for (let p = 0; p < positions; p++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let k = 0; k < bits; k++) {
        const row = (o * bits + k) * rowBytes;
        let dot = 0;
        for (let i = 0; i < columns; i++) {
          const activation = input[p * columns + i] - inputZeroPoint;
          dot += codes[row + (i >> 3)] >> (i & 7) & 1 ? activation : -activation;
        }
        sum = (sum + Math.imul(multipliers[o * bits + k], dot)) | 0;
      }
      result[p * outputs + o] = requantize(problem, sum, o);
    }
  }
}

function requantize({ output }: CodeProductProblem, accumulator: number, channel: number): number {
  if (output === undefined) return accumulator;
  const rescaled = rescaleRoundHalfUp(accumulator, output.multipliers[channel], output.shifts[channel]);
  return clamp(output.zeroPoint + rescaled, output.low, output.high);
}
