import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes } from "../convolution/bordered_bytes.ts";
import {
  DEPTHWISE_TILE,
  type DepthwiseArithmetic,
  depthwiseBlocks,
  emitDepthwise,
  isStraight,
  packDepthwise,
} from "../convolution/depthwise_generator.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import { type FloatBlock, floatBlock, floatOutputs, writeFloatBlock } from "./float_block.ts";

function blocksOf({ window: { kernelHeight, kernelWidth }, inputChannels }: FloatConvolutionProblem) {
  return depthwiseBlocks(inputChannels, (channels) => floatBlock(channels, kernelHeight * kernelWidth));
}

/** The border's value, which is 0, then the blocks of channels. */
function pack(problem: FloatConvolutionProblem): Uint8Array {
  const { weights } = problem;
  return packBlocks(problem, (view, position, index) => view.setFloat32(position, weights[index], true));
}

function packBlocks(
  problem: FloatConvolutionProblem,
  setWeight: (view: DataView, position: number, index: number) => void,
): Uint8Array {
  const { kernelHeight, kernelWidth } = problem.window;
  return packDepthwise(
    blocksOf(problem),
    BORDER_BYTES,
    kernelHeight * kernelWidth,
    setWeight,
    (view, start, block, channel) => writeFloatBlock(view, start, block, problem, channel),
  );
}

function weightPositions(problem: FloatConvolutionProblem): Uint32Array {
  const positions = new Uint32Array(problem.weights.length);
  packBlocks(problem, (_, position, index) => positions[index] = position);
  return positions;
}

/** Registers beside the accumulators, which are the first `DEPTHWISE_TILE.pixels`. */
const WEIGHTS = zmm(29);
const TEMPORARIES = [zmm(30), zmm(31)] as const;

/** Product and sum are rounded one after the other. */
const ARITHMETIC: DepthwiseArithmetic<FloatBlock> = {
  ...floatOutputs(TEMPORARIES),
  inputElementBytes: 4,
  weights: WEIGHTS,
  emitProduct(f, accumulator, activations, offset) {
    const [product] = TEMPORARIES;
    f.code.emit("vmulps", product, WEIGHTS, memory(activations, offset));
    f.code.emit("vaddps", accumulator, accumulator, product);
  },
};

/** What taps read is padded in scratch only for windows so large that the code has a loop over their rows. */
function isCopied({ window }: FloatConvolutionProblem): boolean {
  return readsPadding(window) && !isStraight(window);
}

function generate(problem: FloatConvolutionProblem): Uint8Array {
  const { window, inputChannels: channels } = problem;
  const bordered = borderedImage(window);
  const f = new KernelFunction(1);
  const { constants, scratch, output, inputs: [input] } = f;
  const source = isCopied(problem) ? scratch : input;
  if (isCopied(problem)) emitBorderedBytes(f, bordered, 4 * channels, constants, input, scratch);
  f.free(isCopied(problem) ? input : scratch).advance(constants, BORDER_BYTES);
  const image = readsPadding(window) && !isCopied(problem) ? undefined : bordered;
  const generator = { window, channels, image, blocks: blocksOf(problem), arithmetic: ARITHMETIC };
  emitDepthwise(f, generator, constants, source, output);
  return f.finish();
}

/** Convolutions of float32 with one input channel for each output channel: the bits of the reference. */
export const FLOAT_DEPTHWISE_KERNELS: readonly NativeKernel<FloatConvolutionProblem>[] = [{
  target: "x64",
  name: `f32_f32_dwconv_${DEPTHWISE_TILE.channels}x${DEPTHWISE_TILE.pixels}__avx512`,
  kind: "float_convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack,
  weightPositions,
  scratchBytes: (problem) =>
    isCopied(problem) ? borderedBytes(problem.window, borderedImage(problem.window), 4 * problem.inputChannels) : 0,
  generate,
}];
