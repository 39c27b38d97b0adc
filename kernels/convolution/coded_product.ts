import type { WeightCodes } from "../../lib/arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem } from "../../lib/arith/problem.ts";

/** A convolution that is a product of vectors by a matrix of binary codes, each row of which has one group of columns. */
export interface CodedProduct {
  readonly positions: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly codes: WeightCodes;
}

/** Undefined for a convolution of another form. */
export function codedProduct(
  { codes, window, inputChannels: inputs, outputChannels: outputs, groups, weights }: ConvolutionProblem,
): CodedProduct | undefined {
  const { inputHeight, inputWidth, outputHeight, outputWidth } = window;
  const positions = outputHeight * outputWidth;
  if (codes === undefined || codes.groupColumns < inputs || groups !== 1) return undefined;
  // One weight for each input and output, and a position for each pixel: a window of one tap without strides or padding.
  if (weights.length !== inputs * outputs || positions !== inputHeight * inputWidth) return undefined;
  return { positions, inputs, outputs, codes };
}
