import type { MaxPoolProblem } from "../../lib/arith/problem.ts";
import type { ArrayOf, NumberDType, TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/** The definition of max pooling on integers. A window that lies in the padding entirely gives the dtype's lowest. */
export function maxPool(problem: MaxPoolProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { window: w, channels, dtype } = problem;
  const input = inputs[0] as ArrayOf<NumberDType>;
  const lowest = dtype === "i32" ? -(2 ** 31) : 0;
  for (let y = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [firstRow, endRow] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++) {
      const left = x * w.strideX - w.padLeft;
      const [firstColumn, endColumn] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      for (let channel = 0; channel < channels; channel++) {
        let largest = lowest;
        for (let r = firstRow; r < endRow; r++) {
          for (let s = firstColumn; s < endColumn; s++) {
            const position = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
            largest = Math.max(largest, input[position * channels + channel]);
          }
        }
        output[(y * w.outputWidth + x) * channels + channel] = largest;
      }
    }
  }
}
