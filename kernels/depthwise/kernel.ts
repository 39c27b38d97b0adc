import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import {
  borderedImage,
  borderedImageBytes,
  emitBorderedImage,
  isRegular,
  widenBytes,
} from "../convolution/bordered_image.ts";
import { integerEpilogue } from "../convolution/integer_epilogue.ts";
import { convolutionParameters } from "../convolution/sum_epilogue.ts";
import type { WasmKernel } from "../kernel.ts";
import {
  DEPTHWISE_TILE,
  type DepthwiseArithmetic,
  type DepthwiseGenerator,
  emitDepthwise,
} from "./depthwise_generator.ts";
import { packDepthwise } from "./depthwise_packing.ts";

/** int16 lanes of two vectors in turn: 0..3 of both, 4..7 of both. */
const INTERLEAVE = [
  [0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23],
  [8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31],
];

/**
 * Two taps a step: their int16 activations, interleaved by channel, against pairs of int16 weights. A last tap alone is
 * paired with itself and a zero weight.
 */
const PAIRED_TAPS: DepthwiseArithmetic = {
  elementBytes: 2,
  tapsPerStep: 2,
  setWeight: (view, position, weight) => view.setInt16(position, weight, true),
  emitStep: (f, accumulators, weights, source, offsets) => {
    const [first, second] = f.locals("v128", 2);
    f.get(source).memory("v128.load", offsets[0]).set(first);
    if (offsets.length > 1) f.get(source).memory("v128.load", offsets[1]).set(second);
    accumulators.forEach((accumulator, v) => {
      f.get(accumulator).get(first).get(offsets.length > 1 ? second : first).shuffle(INTERLEAVE[v]);
      f.get(weights[v]).op("i32x4.dot_i16x8_s", "i32x4.add").set(accumulator);
    });
  },
};

function generatorOf(problem: AnyConvolutionProblem): DepthwiseGenerator {
  return {
    window: problem.window,
    channels: problem.inputChannels,
    image: borderedImage(problem.window),
    arithmetic: PAIRED_TAPS,
    epilogue: integerEpilogue(problem),
  };
}

const NAME = `qu8_qs8c_dwconv_${DEPTHWISE_TILE.channels}x${DEPTHWISE_TILE.pixels}__wasmsimd`;

const DEPTHWISE: WasmKernel<AnyConvolutionProblem> = {
  name: NAME,
  kind: "convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack: (problem) => packDepthwise(generatorOf(problem), problem.weights),
  scratchBytes: ({ window, inputChannels, inputZeroPoint }) =>
    borderedImageBytes(borderedImage(window), inputChannels, widenBytes(inputZeroPoint)),
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: convolutionParameters(problem) }, (f) => {
      const [constants, scratch, output, input] = f.parameters;
      const generator = generatorOf(problem);
      const codec = widenBytes(problem.inputZeroPoint);
      emitBorderedImage(f, generator.image, problem.inputChannels, codec, input, scratch);
      emitDepthwise(f, generator, constants, scratch, output);
    }),
};

/** Convolutions of uint8 activations and int8 weights with one input channel for each output channel. */
export const DEPTHWISE_KERNELS: readonly WasmKernel<AnyConvolutionProblem>[] = [DEPTHWISE];
