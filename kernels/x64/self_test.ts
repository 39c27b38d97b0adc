import type {
  AveragePoolProblem,
  ConcatProblem,
  ConvolutionProblem,
  ConvolutionSumProblem,
  CopyProblem,
  MaxPoolProblem,
  SumProblem,
} from "../../lib/arith/problem.ts";
import { CODE_BITS } from "../../lib/arith/binary_codes/codes.ts";
import { accumulatorBounds } from "../../lib/arith/bounds.ts";
import { allocate, bytesOfArray, type TypedArray } from "../../lib/tensor/dtype.ts";
import { type Random, seededRandom } from "../../lib/tensor/random.ts";
import type { Window } from "../../lib/tensor/window.ts";
import type { Problem } from "../kernel.ts";
import { runReference } from "../mod.ts";
import { align } from "../program_layout.ts";
import type { NativeKernel } from "./native_kernel.ts";
import { sampleCodedConvolution, withSampleCodes } from "./codes/sample.ts";
import {
  sampleFloatAveragePool,
  sampleFloatConcat,
  sampleFloatConvolution,
  sampleFloatMaxPool,
  sampleFloatProduct,
  sampleFloatSum,
  sampleFloatWeightGradient,
} from "./float/samples.ts";
import { buildNativeProgram } from "./native_program.ts";
import { sampleDynamicProduct } from "./dynamic_product/sample.ts";
import { sampleGather, sampleGru, sampleLstm, sampleRnn, sampleTable } from "./recurrent_samples.ts";

/** A problem with inputs, and an array for its output. */
interface Sample {
  readonly problem: Problem;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
}

const WINDOW: Window = {
  inputHeight: 7,
  inputWidth: 9,
  outputHeight: 4,
  outputWidth: 5,
  kernelHeight: 3,
  kernelWidth: 3,
  strideY: 2,
  strideX: 2,
  dilationY: 1,
  dilationX: 1,
  padTop: 1,
  padLeft: 1,
  padBottom: 1,
  padRight: 1,
};

function integers(random: Random, length: number, low: number, high: number): number[] {
  return Array.from({ length }, () => random.integer(low, high));
}

/** The window over an image so wide that tiles of many positions pay. */
const WIDE_WINDOW: Window = { ...WINDOW, inputHeight: 4, inputWidth: 33, outputHeight: 2, outputWidth: 17 };

/** A convolution with padding, clamps that bite, and more than one block of outputs. */
function sampleConvolution(
  inputChannels: number,
  outputChannels: number,
  groups: number,
  window: Window = WINDOW,
): Sample & { readonly problem: ConvolutionProblem } {
  const random = seededRandom(outputChannels);
  const { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth } = window;
  const perOutput = kernelHeight * kernelWidth * inputChannels / groups;
  const problem: ConvolutionProblem = {
    kind: "convolution",
    window,
    inputChannels,
    outputChannels,
    groups,
    inputZeroPoint: 131,
    inputHigh: 255,
    weights: Int8Array.from(integers(random, outputChannels * perOutput, -127, 127)),
    bias: Int32Array.from(integers(random, outputChannels, -1e5, 1e5)),
    output: {
      dtype: "u8",
      zeroPoint: 99,
      low: 3,
      high: 251,
      multipliers: Int32Array.from(integers(random, outputChannels, 2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from(integers(random, outputChannels, 36, 44)),
    },
  };
  const input = Uint8Array.from(integers(random, inputHeight * inputWidth * inputChannels, 0, 255));
  return { problem, inputs: [input], output: allocate("u8", outputHeight * outputWidth * outputChannels) };
}

/** A residual sum of an accumulator, with a multiplier for each channel, and stored activations. */
function sampleSum(): Sample {
  const random = seededRandom(3);
  const pixels = 3;
  const channels = 37;
  const multipliers = Int32Array.from(integers(random, channels, 2 ** 20, 2 ** 21));
  const problem: SumProblem = {
    kind: "sum",
    pixels,
    channels,
    terms: [
      { dtype: "i32", zeroPoint: 0, multipliers },
      { dtype: "u8", zeroPoint: 77, multipliers: Int32Array.of(2 ** 30 + 12345) },
    ],
    shift: 31,
    output: { dtype: "u8", zeroPoint: 100, low: 0, high: 255 },
  };
  const inputs = [
    Int32Array.from(integers(random, pixels * channels, -2e5, 2e5)),
    Uint8Array.from(integers(random, pixels * channels, 0, 255)),
  ];
  return { problem, inputs, output: allocate("u8", pixels * channels) };
}

/** A convolution whose accumulators and stored activations are summed. */
function sampleConvolutionSum({ problem, inputs, output }: ReturnType<typeof sampleConvolution>): Sample {
  const random = seededRandom(8);
  const channels = problem.outputChannels;
  const multipliers = Int32Array.from(integers(random, channels, 2 ** 20, 2 ** 21));
  const fused: ConvolutionSumProblem = {
    ...problem,
    kind: "convolution_sum",
    sum: {
      kind: "sum",
      pixels: output.length / channels,
      channels,
      terms: [
        { dtype: "u8", zeroPoint: 77, multipliers: Int32Array.of(2 ** 30 + 12345) },
        { dtype: "i32", zeroPoint: 0, multipliers },
      ],
      shift: 31,
      output: { dtype: "u8", zeroPoint: 100, low: 3, high: 250 },
    },
    term: 1,
    bounds: [undefined, accumulatorBounds(problem)],
  };
  return { problem: fused, inputs: [...inputs, Uint8Array.from(integers(random, output.length, 0, 255))], output };
}

/** An average of windows that lie partly in the padding, with a divisor for each count of taps inside the image. */
function sampleAveragePool(): Sample {
  const { inputHeight, inputWidth, outputHeight, outputWidth } = WINDOW;
  const channels = 21;
  const problem: AveragePoolProblem = {
    kind: "average_pool",
    window: WINDOW,
    channels,
    inputDtype: "u8",
    inputZeroPoint: 113,
    divisors: Int32Array.from({ length: outputHeight * outputWidth }, (_, i) => 4 + i % 2),
    rescales: new Map([[4, { multiplier: 2 ** 30 + 99, shift: 32 }], [5, { multiplier: 2 ** 30 + 7, shift: 33 }]]),
    output: { dtype: "u8", zeroPoint: 120, low: 20, high: 230 },
  };
  const input = Uint8Array.from(integers(seededRandom(4), inputHeight * inputWidth * channels, 0, 255));
  return { problem, inputs: [input], output: allocate("u8", outputHeight * outputWidth * channels) };
}

/** A maximum over windows that lie partly in the padding, with runs of channels that fill no vector. */
function sampleMaxPool(): Sample {
  const { inputHeight, inputWidth, outputHeight, outputWidth } = WINDOW;
  const channels = 117;
  const problem: MaxPoolProblem = { kind: "max_pool", window: WINDOW, channels, dtype: "u8" };
  const input = Uint8Array.from(integers(seededRandom(5), inputHeight * inputWidth * channels, 0, 255));
  return { problem, inputs: [input], output: allocate("u8", outputHeight * outputWidth * channels) };
}

/** Parts that are copied and parts that are rescaled, more than registers hold. */
function sampleConcat(): Sample {
  const random = seededRandom(6);
  const outer = 3;
  const inners = [21, 5, 16, 37, 2];
  const problem: ConcatProblem = {
    kind: "concat",
    outer,
    parts: inners.map((inner, p) => ({
      dtype: "u8",
      inner,
      zeroPoint: 60 + p,
      rescale: p % 2 === 0 ? undefined : { multiplier: 2 ** 30 + p, shift: 29 + p },
    })),
    output: { dtype: "u8", zeroPoint: 100, low: 2, high: 250 },
  };
  const inputs = inners.map((inner) => Uint8Array.from(integers(random, outer * inner, 0, 255)));
  return { problem, inputs, output: allocate("u8", outer * inners.reduce((sum, inner) => sum + inner, 0)) };
}

/** A transposition into an array with a margin. */
function sampleCopy(): Sample {
  const problem: CopyProblem = {
    kind: "copy",
    dtype: "u8",
    shape: [5, 7, 3],
    sourceOffset: 0,
    sourceStrides: [3, 15, 1],
    targetOffset: 4,
    targetStrides: [24, 3, 1],
    targetSize: 130,
    fill: 9,
  };
  const input = Uint8Array.from(integers(seededRandom(7), 5 * 7 * 3, 10, 255));
  return { problem, inputs: [input], output: allocate("u8", problem.targetSize) };
}

/** Whether a kernel computes a sample as the reference does. */
function isRight(kernel: NativeKernel, { problem, inputs, output }: Sample): boolean {
  let end = align(output.byteLength) + align(1);
  const addresses = inputs.map(({ byteLength }) => {
    const address = end;
    end += align(byteLength) + align(1);
    return address;
  });
  const program = buildNativeProgram([{ kernel, problem }], end);
  const arena = new Uint8Array(program.memory.buffer, program.arena, end);
  inputs.forEach((input, i) => arena.set(bytesOfArray(input), addresses[i]));
  const [run] = program.link([[{
    entry: 0,
    output: program.arena,
    inputs: addresses.map((address) => program.arena + address),
  }]]);
  run();
  runReference(problem, inputs, output);
  // Inputs too: states are overwritten.
  return [output, ...inputs].every((array, a) =>
    bytesOfArray(array).every((byte, i) => byte === arena[(a === 0 ? 0 : addresses[a - 1]) + i])
  );
}

/** Runs every kernel once and compares it with the reference: the names of those that are wrong, or met no sample. */
export function faultyKernels(kernels: readonly NativeKernel[]): string[] {
  const samples = [
    sampleConvolution(5, 37, 1),
    sampleConvolution(40, 37, 1, WIDE_WINDOW),
    sampleConvolution(21, 21, 21),
    sampleConvolutionSum(sampleConvolution(5, 37, 1)),
    sampleConvolutionSum(sampleConvolution(40, 37, 1, WIDE_WINDOW)),
    sampleConvolutionSum(sampleConvolution(21, 21, 21)),
    ...CODE_BITS.map((bits) => sampleCodedConvolution(bits)),
    sampleCodedConvolution(2, 3),
    sampleSum(),
    sampleAveragePool(),
    sampleMaxPool(),
    sampleConcat(),
    sampleCopy(),
    sampleGather(),
    sampleTable(),
    sampleLstm(),
    sampleGru(false),
    sampleGru(true),
    sampleRnn(),
    sampleDynamicProduct(3, 89, 37),
    withSampleCodes(sampleLstm(), 2),
    withSampleCodes(sampleGru(false), 3),
    withSampleCodes(sampleGru(true), 1),
    withSampleCodes(sampleRnn(), 4),
    ...[1, 3].map((bits) => withSampleCodes(sampleDynamicProduct(2, 589, 19), bits)),
    sampleFloatConvolution(WINDOW, 5, 37, 1),
    sampleFloatConvolution(WINDOW, 21, 21, 21),
    sampleFloatSum(),
    sampleFloatMaxPool(WINDOW),
    sampleFloatAveragePool(WINDOW),
    sampleFloatConcat(),
    sampleFloatProduct(),
    sampleFloatWeightGradient(WINDOW, 21, 37, 1),
    sampleFloatWeightGradient(WINDOW, 21, 21, 21),
  ];
  return kernels.filter((kernel) => {
    const met = samples.filter(({ problem }) => kernel.kind === problem.kind && kernel.supports(problem));
    return met.length === 0 || !met.every((sample) => isRight(kernel, sample));
  }).map(({ name }) => name);
}
