import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { validTaps } from "../../lib/tensor/window.ts";

/**
 * The definition of an integer convolution of one image: the equation of `ConvolutionProblem`, tap by tap. Padding adds
 * 0, so only taps inside the image are visited; taps that are neighbours in memory are one run.
 */
export function convolution(problem: ConvolutionProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { window: w, inputChannels, outputChannels, groups, inputZeroPoint, weights, bias } = problem;
  const input = new Int16Array(inputs[0] as Uint8Array);
  for (let i = 0; i < input.length; i++) input[i] -= inputZeroPoint;
  const result = output as Int32Array;
  const groupInputs = inputChannels / groups;
  const groupOutputs = outputChannels / groups;
  const perOutput = w.kernelHeight * w.kernelWidth * groupInputs;
  const adjacent = groups === 1 && w.dilationX === 1;

  for (let y = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [firstRow, endRow] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++) {
      const left = x * w.strideX - w.padLeft;
      const [firstColumn, endColumn] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      const taps = adjacent ? Math.max(1, endColumn - firstColumn) : 1;
      for (let o = 0; o < outputChannels; o++) {
        const group = Math.floor(o / groupOutputs);
        let sum = bias[o];
        for (let r = firstRow; r < endRow; r++) {
          for (let s = firstColumn; s < endColumn; s += taps) {
            const position = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
            sum += dot(
              weights,
              o * perOutput + (r * w.kernelWidth + s) * groupInputs,
              input,
              position * inputChannels + group * groupInputs,
              taps * groupInputs,
            );
          }
        }
        result[(y * w.outputWidth + x) * outputChannels + o] = requantize(problem, sum, o);
      }
    }
  }
}

/** sum of w * a over `length` consecutive elements; an int32, as every partial sum (lib/arith/bounds.ts). */
function dot(weights: Int8Array, firstWeight: number, input: Int16Array, firstInput: number, length: number): number {
  let sum = 0;
  const end = firstWeight + length;
  for (let i = firstWeight, j = firstInput; i < end; i++, j++) sum = (sum + weights[i] * input[j]) | 0;
  return sum;
}

function requantize({ output }: ConvolutionProblem, accumulator: number, channel: number): number {
  if (output === undefined) return accumulator;
  const rescaled = rescaleRoundHalfUp(accumulator, output.multipliers[channel], output.shifts[channel]);
  return clamp(output.zeroPoint + rescaled, output.low, output.high);
}
