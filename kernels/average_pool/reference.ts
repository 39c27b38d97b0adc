import type { AveragePoolProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, NumberDType, TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/** The definition of average pooling on integers: an integer sum, and one rescaling that holds the division. */
export function averagePool(problem: AveragePoolProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { window: w, channels, inputZeroPoint, output: { zeroPoint, low, high } } = problem;
  const input = inputs[0] as ArrayOf<NumberDType>;
  for (let y = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [firstRow, endRow] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++) {
      const left = x * w.strideX - w.padLeft;
      const [firstColumn, endColumn] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      const { multiplier, shift } = rescaleAt(problem, y * w.outputWidth + x);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let r = firstRow; r < endRow; r++) {
          for (let s = firstColumn; s < endColumn; s++) {
            const position = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
            sum += input[position * channels + channel] - inputZeroPoint;
          }
        }
        const q = clamp(zeroPoint + rescaleRoundHalfUp(sum, multiplier, shift), low, high);
        output[(y * w.outputWidth + x) * channels + channel] = q;
      }
    }
  }
}

/** The dyadic number of S_in / (N * S_out) at an output position. */
export function rescaleAt(
  { divisors, rescales }: AveragePoolProblem,
  position: number,
): { readonly multiplier: number; readonly shift: number } {
  const rescale = rescales.get(divisors[position]);
  if (rescale === undefined) {
    throw new RangeError(`average pool: no rescaling for the divisor ${divisors[position]} of position ${position}`);
  }
  return rescale;
}
