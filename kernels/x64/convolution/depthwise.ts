import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import { convolutionFunction } from "../sum/summed_channels.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes, writeBorder } from "./bordered_bytes.ts";
import { type ChannelBlock, channelBlock, integerOutputs, writeBlock } from "./channel_block.ts";
import {
  DEPTHWISE_TILE,
  type DepthwiseArithmetic,
  depthwiseBlocks,
  emitDepthwise,
  packDepthwise,
} from "./depthwise_generator.ts";
import { VECTOR_BYTES } from "./tile_block.ts";

function blocksOf({ window: { kernelHeight, kernelWidth }, inputChannels }: AnyConvolutionProblem) {
  return depthwiseBlocks(
    inputChannels,
    (channels) => channelBlock(channels, kernelHeight * kernelWidth * VECTOR_BYTES),
  );
}

/** The border's value, then blocks. Weights are int16 pairs (weight, 0): activations are widened to 32 bits. */
function pack(problem: AnyConvolutionProblem): Uint8Array {
  const { window: { kernelHeight, kernelWidth }, weights, inputZeroPoint } = problem;
  const constants = packDepthwise(
    blocksOf(problem),
    BORDER_BYTES,
    kernelHeight * kernelWidth,
    (view, position, index) => view.setInt16(position, weights[index], true),
    (view, start, block, channel) => writeBlock(view, start, block, problem, channel),
  );
  writeBorder(constants, 0, inputZeroPoint);
  return constants;
}

/** Registers beside the accumulators, which are the first `DEPTHWISE_TILE.pixels`. */
const TEMPORARIES = Array.from({ length: 8 }, (_, i) => zmm(24 + i));
const WEIGHTS = zmm(23);

/** vpdpwssd of weights and activations that are widened to 32 bits. */
function arithmeticOf(problem: AnyConvolutionProblem): DepthwiseArithmetic<ChannelBlock> {
  return {
    ...integerOutputs(problem, () => TEMPORARIES),
    inputElementBytes: 1,
    weights: WEIGHTS,
    emitProduct(f, accumulator, activations, offset, count) {
      const activation = TEMPORARIES[count % TEMPORARIES.length];
      f.code.emit("vpmovzxbd", activation, memory(activations, offset));
      f.code.emit("vpdpwssd", accumulator, activation, WEIGHTS);
    },
  };
}

function generate(problem: AnyConvolutionProblem): Uint8Array {
  const { window, inputChannels: channels } = problem;
  const image = borderedImage(window);
  const f = convolutionFunction(problem);
  const { constants, scratch, output, inputs: [input] } = f;
  const isCopied = readsPadding(window);
  const source = isCopied ? scratch : input;
  if (isCopied) emitBorderedBytes(f, image, channels, constants, input, scratch);
  f.free(isCopied ? input : scratch).advance(constants, BORDER_BYTES);
  const generator = { window, channels, image, blocks: blocksOf(problem), arithmetic: arithmeticOf(problem) };
  emitDepthwise(f, generator, constants, source, output);
  return f.finish();
}

/** Convolutions of uint8 activations and int8 weights with one input channel for each output channel. */
export const DEPTHWISE_KERNELS: readonly NativeKernel<AnyConvolutionProblem>[] = [{
  target: "x64",
  name: `qu8_qs8c_dwconv_${DEPTHWISE_TILE.channels}x${DEPTHWISE_TILE.pixels}__avx512vnni`,
  kind: "convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack,
  scratchBytes: ({ window, inputChannels }) => borderedBytes(window, borderedImage(window), inputChannels),
  generate,
}];
