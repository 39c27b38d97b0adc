/**
 * The gradients of a float convolution as problems of their own. Convolution is linear in its input and in its weights;
 * these are the two adjoint maps (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv
 * 1603.07285, section 4). A convolution's limits `low` and `high` are not part of them: gradients are those of the sums
 * before the limits, and whoever asks has already set them to 0 where a limit holds.
 */
import { validTaps, type Window } from "../tensor/window.ts";
import type { FloatConvolutionProblem, FloatWeightGradientProblem } from "./problem.ts";

/** What a convolution's weights are laid out by. */
export type WeightShape = Pick<FloatConvolutionProblem, "window" | "inputChannels" | "outputChannels" | "groups">;

/**
 * Where the gradient of the sums goes before it is convolved: pixel (y, x) to (top + y * strideY, left + x * strideX) of a
 * buffer of rows x columns pixels that is 0 elsewhere. Pixels that fall outside the buffer belong to windows that read
 * nothing but padding, and are dropped. `top` and `left` may be negative.
 */
export interface SpreadPlan {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly gradientRows: number;
  readonly gradientColumns: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly top: number;
  readonly left: number;
}

export interface InputGradient {
  /** Reads the gradient of the sums, spread where `spread` says so; its output is the gradient of the input. */
  readonly problem: FloatConvolutionProblem;
  /** Absent: the problem reads the gradient as it is. */
  readonly spread?: SpreadPlan;
}

/**
 * The gradient of a convolution's input: the transposed convolution. From
 *
 *     input gradient[u, i] = sum over r, o of w[o, r, i] * g[(u + pad - r * dilation) / stride, o]   (whole quotients only)
 *
 * follows a convolution of stride 1 with the kernel flipped, over g with stride - 1 zeros between its pixels and
 * (kernel - 1) * dilation - pad before the first. Those zeros are written out by `spreadGradient`, except where they are
 * only a border, which the problem reads as padding. Bias 0, no limits; weights as `transposeWeights` orders them.
 */
export function inputGradientProblem(problem: FloatConvolutionProblem): InputGradient {
  const { window: w, inputChannels, outputChannels, groups, weights } = problem;
  const reachY = (w.kernelHeight - 1) * w.dilationY;
  const reachX = (w.kernelWidth - 1) * w.dilationX;
  const spread: SpreadPlan = {
    rows: w.inputHeight + reachY,
    columns: w.inputWidth + reachX,
    channels: outputChannels,
    gradientRows: w.outputHeight,
    gradientColumns: w.outputWidth,
    strideY: w.strideY,
    strideX: w.strideX,
    top: reachY - w.padTop,
    left: reachX - w.padLeft,
  };
  const border = borderOf(spread);
  const window: Window = {
    inputHeight: border ? w.outputHeight : spread.rows,
    inputWidth: border ? w.outputWidth : spread.columns,
    outputHeight: w.inputHeight,
    outputWidth: w.inputWidth,
    kernelHeight: w.kernelHeight,
    kernelWidth: w.kernelWidth,
    strideY: 1,
    strideX: 1,
    dilationY: w.dilationY,
    dilationX: w.dilationX,
    ...(border ?? { padTop: 0, padLeft: 0, padBottom: 0, padRight: 0 }),
  };
  return {
    problem: {
      kind: "float_convolution",
      window,
      inputChannels: outputChannels,
      outputChannels: inputChannels,
      groups,
      weights: transposeWeights(problem, weights),
      bias: new Float32Array(inputChannels),
      low: -Infinity,
      high: Infinity,
    },
    spread: border ? undefined : spread,
  };
}

/** The padding that replaces the buffer, where all of the gradient lies in it without gaps. */
function borderOf(plan: SpreadPlan): Pick<Window, "padTop" | "padLeft" | "padBottom" | "padRight"> | undefined {
  const { rows, columns, gradientRows, gradientColumns, strideY, strideX, top, left } = plan;
  const padBottom = rows - top - gradientRows;
  const padRight = columns - left - gradientColumns;
  const gaps = (strideY > 1 && gradientRows > 1) || (strideX > 1 && gradientColumns > 1);
  if (gaps || top < 0 || left < 0 || padBottom < 0 || padRight < 0) return undefined;
  return { padTop: top, padLeft: left, padBottom, padRight };
}

/**
 * Writes a gradient [gradientRows, gradientColumns, channels] to `target` [rows, columns, channels], all of it.
 * @throws RangeError for arrays of another size.
 */
export function spreadGradient(plan: SpreadPlan, gradient: Float32Array, target: Float32Array): void {
  const { rows, columns, channels, gradientRows, gradientColumns, strideY, strideX, top, left } = plan;
  checkLength("gradient", gradient, gradientRows * gradientColumns * channels);
  checkLength("spread gradient", target, rows * columns * channels);
  target.fill(0);
  const [firstRow, endRow] = validTaps(top, gradientRows, strideY, rows);
  const [firstColumn, endColumn] = validTaps(left, gradientColumns, strideX, columns);
  for (let y = firstRow; y < endRow; y++) {
    let from = (y * gradientColumns + firstColumn) * channels;
    let to = ((top + y * strideY) * columns + left + firstColumn * strideX) * channels;
    for (let x = firstColumn; x < endColumn; x++) {
      for (let c = 0; c < channels; c++) target[to + c] = gradient[from + c];
      from += channels;
      to += strideX * channels;
    }
  }
}

/**
 * Weights [O, kernelHeight, kernelWidth, I / groups] of a convolution in the order of its input gradient's problem
 * [I, kernelHeight, kernelWidth, O / groups]: inputs and outputs exchanged within each group, the kernel flipped. Writes
 * to `target` where one is given, and returns it.
 * @throws RangeError for arrays of another size.
 */
export function transposeWeights(
  { window: w, inputChannels, outputChannels, groups }: WeightShape,
  weights: Float32Array,
  target: Float32Array = new Float32Array(weights.length),
): Float32Array {
  const taps = w.kernelHeight * w.kernelWidth;
  const groupInputs = inputChannels / groups;
  const groupOutputs = outputChannels / groups;
  checkLength("weights", weights, outputChannels * taps * groupInputs);
  checkLength("transposed weights", target, weights.length);
  const inputPitch = taps * groupOutputs;
  let from = 0;
  for (let o = 0; o < outputChannels; o++) {
    const group = Math.floor(o / groupOutputs);
    const first = group * groupInputs * inputPitch + o - group * groupOutputs;
    for (let tap = taps - 1; tap >= 0; tap--) {
      let to = first + tap * groupOutputs;
      for (let i = 0; i < groupInputs; i++) {
        target[to] = weights[from++];
        to += inputPitch;
      }
    }
  }
  return target;
}

/** The gradient of a convolution's weights, for its inputs [activation, gradient of the sums]. */
export function weightGradientProblem(problem: FloatConvolutionProblem): FloatWeightGradientProblem {
  const { window, inputChannels, outputChannels, groups } = problem;
  return { kind: "float_weight_gradient", window, inputChannels, outputChannels, groups };
}

function checkLength(what: string, array: Float32Array, expected: number): void {
  if (array.length !== expected) throw new RangeError(`${what}: ${expected} elements expected, found ${array.length}`);
}
