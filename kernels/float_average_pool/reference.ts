import type { FloatAveragePoolProblem } from "../../lib/arith/problem.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/** The definition of a float32 average pool: sums and quotients in float64, rounded once. */
export function floatAveragePool(
  { window: w, channels, divisors }: FloatAveragePoolProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const input = inputs[0] as Float32Array;
  for (let y = 0, element = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [firstRow, endRow] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++) {
      const left = x * w.strideX - w.padLeft;
      const [firstColumn, endColumn] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let r = firstRow; r < endRow; r++) {
          for (let s = firstColumn; s < endColumn; s++) {
            const position = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
            sum += input[position * channels + c];
          }
        }
        output[element++] = sum / divisors[y * w.outputWidth + x];
      }
    }
  }
}
