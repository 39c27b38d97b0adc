import type { FloatWeightGradientProblem } from "../../lib/arith/problem.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/**
 * The definition of the gradient of a convolution's weights of one image. Every product and every sum is rounded to
 * float32; each sum starts at 0 and goes through the output positions row by row, so that all engines give the same
 * floats. Positions whose tap lies in the padding add nothing.
 */
export function weightGradient(
  problem: FloatWeightGradientProblem,
  inputs: readonly TypedArray[],
  output: TypedArray,
): void {
  const { window: w, inputChannels, outputChannels, groups } = problem;
  const [activation, gradient] = inputs as readonly Float32Array[];
  const groupInputs = inputChannels / groups;
  const groupOutputs = outputChannels / groups;
  let element = 0;
  for (let o = 0; o < outputChannels; o++) {
    const firstChannel = Math.floor(o / groupOutputs) * groupInputs;
    for (let r = 0; r < w.kernelHeight; r++) {
      const top = r * w.dilationY - w.padTop;
      const [firstRow, endRow] = validTaps(top, w.outputHeight, w.strideY, w.inputHeight);
      for (let s = 0; s < w.kernelWidth; s++) {
        const left = s * w.dilationX - w.padLeft;
        const [firstColumn, endColumn] = validTaps(left, w.outputWidth, w.strideX, w.inputWidth);
        for (let i = firstChannel; i < firstChannel + groupInputs; i++) {
          let sum = 0;
          for (let y = firstRow; y < endRow; y++) {
            for (let x = firstColumn; x < endColumn; x++) {
              const position = (top + y * w.strideY) * w.inputWidth + left + x * w.strideX;
              const g = gradient[(y * w.outputWidth + x) * outputChannels + o];
              sum = Math.fround(sum + Math.fround(g * activation[position * inputChannels + i]));
            }
          }
          output[element++] = sum;
        }
      }
    }
  }
}
