import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import {
  borderedImage,
  borderedImageBytes,
  COPY_FLOATS,
  emitBorderedImage,
  isRegular,
} from "../convolution/bordered_image.ts";
import {
  DEPTHWISE_TILE,
  type DepthwiseArithmetic,
  type DepthwiseGenerator,
  emitDepthwise,
} from "../depthwise/depthwise_generator.ts";
import { depthwiseWeightPositions, packDepthwise } from "../depthwise/depthwise_packing.ts";
import type { WasmKernel } from "../kernel.ts";
import { floatEpilogue } from "./float_epilogue.ts";

const MULTIPLY_ADD: DepthwiseArithmetic = {
  elementBytes: 4,
  tapsPerStep: 1,
  setWeight: (view, position, weight) => view.setFloat32(position, weight, true),
  emitStep: (f, accumulators, weights, source, [offset]) => {
    accumulators.forEach((accumulator, v) => {
      f.get(accumulator).get(weights[v]).get(source).memory("v128.load", offset + 16 * v);
      f.op("f32x4.mul", "f32x4.add").set(accumulator);
    });
  },
};

function generatorOf(problem: FloatConvolutionProblem): DepthwiseGenerator {
  return {
    window: problem.window,
    channels: problem.inputChannels,
    image: borderedImage(problem.window),
    arithmetic: MULTIPLY_ADD,
    epilogue: floatEpilogue(problem),
  };
}

const NAME = `f32_f32_dwconv_${DEPTHWISE_TILE.channels}x${DEPTHWISE_TILE.pixels}__wasmsimd`;

const FLOAT_DEPTHWISE: WasmKernel<FloatConvolutionProblem> = {
  name: NAME,
  kind: "float_convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack: (problem) => packDepthwise(generatorOf(problem), problem.weights),
  weightPositions: (problem) => depthwiseWeightPositions(generatorOf(problem)),
  scratchBytes: ({ window, inputChannels }) =>
    readsPadding(window) ? borderedImageBytes(borderedImage(window), inputChannels, COPY_FLOATS) : 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => {
      const [constants, scratch, output, input] = f.parameters;
      const generator = generatorOf(problem);
      const padded = readsPadding(problem.window);
      if (padded) emitBorderedImage(f, generator.image, problem.inputChannels, COPY_FLOATS, input, scratch);
      emitDepthwise(f, generator, constants, padded ? scratch : input, output);
    }),
};

/** float32 convolutions with one input channel for each output channel. */
export const FLOAT_DEPTHWISE_KERNELS: readonly WasmKernel<FloatConvolutionProblem>[] = [FLOAT_DEPTHWISE];
