import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import {
  borderedImage,
  borderedImageBytes,
  COPY_FLOATS,
  emitBorderedImage,
  isRegular,
} from "../convolution/bordered_image.ts";
import { emitDense } from "../convolution/dense_generator.ts";
import { type DenseGenerator, type DenseTile, tilePixels } from "../convolution/dense_layout.ts";
import { denseWeightPositions, packDense } from "../convolution/dense_packing.ts";
import type { WasmKernel } from "../kernel.ts";
import { floatEpilogue } from "./float_epilogue.ts";
import { MULTIPLY_ADD } from "./multiply_add.ts";

const TILES: readonly DenseTile[] = [{ outputs: 16, accumulators: 9 }];

/** Dense and grouped float32 convolutions. */
export const FLOAT_CONVOLUTION_KERNELS: readonly WasmKernel<FloatConvolutionProblem>[] = TILES.map(
  floatConvolutionKernel,
);

function floatConvolutionKernel(tile: DenseTile): WasmKernel<FloatConvolutionProblem> {
  const name = `f32_f32_conv_${tile.outputs}x${tilePixels(tile, tile.outputs)}__wasmsimd`;

  function generatorOf(problem: FloatConvolutionProblem): DenseGenerator {
    const image = borderedImage(problem.window);
    return { shape: problem, image, tile, arithmetic: MULTIPLY_ADD, epilogue: floatEpilogue(problem) };
  }

  return {
    name,
    kind: "float_convolution",
    supports: ({ window }) => isRegular(window),
    pack: (problem) => packDense(generatorOf(problem), problem.weights),
    weightPositions: (problem) => denseWeightPositions(generatorOf(problem)),
    scratchBytes: ({ window, inputChannels }) =>
      readsPadding(window) ? borderedImageBytes(borderedImage(window), inputChannels, COPY_FLOATS) : 0,
    emit: (problem, module) =>
      module.addFunction(name, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => {
        const [constants, scratch, output, input] = f.parameters;
        const generator = generatorOf(problem);
        const padded = readsPadding(problem.window);
        if (padded) emitBorderedImage(f, generator.image, problem.inputChannels, COPY_FLOATS, input, scratch);
        emitDense(f, generator, constants, padded ? scratch : input, output);
      }),
  };
}
