import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import { clamp } from "../../lib/arith/round.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/**
 * The definition of a float32 convolution of one image. Every product and every sum is rounded to float32, and the order
 * is fixed (bias, then kernel row, kernel column, input channel), so that all engines give the same floats.
 */
export function floatConvolution(
  problem: FloatConvolutionProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const { window: w, inputChannels, outputChannels, groups, weights, bias, low, high } = problem;
  const input = inputs[0] as Float32Array;
  const result = output as Float32Array;
  const groupInputs = inputChannels / groups;
  const groupOutputs = outputChannels / groups;

  for (let y = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [firstRow, endRow] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++) {
      const left = x * w.strideX - w.padLeft;
      const [firstColumn, endColumn] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      for (let o = 0; o < outputChannels; o++) {
        const firstChannel = Math.floor(o / groupOutputs) * groupInputs;
        let sum = bias[o];
        for (let r = firstRow; r < endRow; r++) {
          for (let s = firstColumn; s < endColumn; s++) {
            const position = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
            const from = position * inputChannels + firstChannel;
            const weight = ((o * w.kernelHeight + r) * w.kernelWidth + s) * groupInputs;
            for (let i = 0; i < groupInputs; i++) {
              sum = Math.fround(sum + Math.fround(weights[weight + i] * input[from + i]));
            }
          }
        }
        result[(y * w.outputWidth + x) * outputChannels + o] = clamp(sum, low, high);
      }
    }
  }
}
