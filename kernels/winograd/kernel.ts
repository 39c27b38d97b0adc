import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import { borderedImageBytes, copyBytes, emitBorderedImage, isRegular } from "../convolution/bordered_image.ts";
import { integerEpilogue } from "../convolution/integer_epilogue.ts";
import { convolutionParameters } from "../convolution/sum_epilogue.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitWinograd } from "./generator.ts";
import { OUTPUT_EXTENT, OUTPUT_LIMIT } from "./minimal_filtering.ts";
import { packWinograd } from "./packing.ts";
import { type ProductTile, stripBytes, type WinogradLayout, winogradLayout } from "./tiles.ts";

/** A way to compute such layers, and for which ones it is faster than what follows it in the list. */
interface Variant {
  readonly tile: ProductTile;
  isFaster?(problem: AnyConvolutionProblem): boolean;
}

/** Bytes of transformed weights that are read from memory, not from a cache, in the time that a tile's products take. */
const WEIGHTS_OF_TILE = 2 ** 19;

/** Whether a layer has enough tiles for its weights, which take eight times the bytes of those that it is given. */
function hasManyTiles({ window: w, weights }: AnyConvolutionProblem): boolean {
  const tiles = Math.ceil(w.outputHeight / OUTPUT_EXTENT) * Math.ceil(w.outputWidth / OUTPUT_EXTENT);
  return 8 * weights.length <= tiles * WEIGHTS_OF_TILE;
}

/** Before the kernels that multiply bytes: few channels do not make up for the transforms. */
export const WINOGRAD_KERNELS: readonly WasmKernel<AnyConvolutionProblem>[] = [
  winogradKernel({
    tile: { outputs: 16, tiles: 2 },
    isFaster: (problem) => problem.inputChannels >= 16 && hasManyTiles(problem),
  }),
];

/** Before those that multiply int16, which they always beat. Of few tiles, all take part in each product of a weight. */
export const WINOGRAD_KERNELS_OF_8_BITS: readonly WasmKernel<AnyConvolutionProblem>[] = [
  winogradKernel({ tile: { outputs: 8, tiles: 4 } }),
];

/** 3x3 convolutions of stride 1 by minimal filtering: a quarter of the products, int16 instead of bytes. */
function winogradKernel({ tile, isFaster }: Variant): WasmKernel<AnyConvolutionProblem> {
  const name = `qu8_qs8c_winogradconv_${tile.outputs}x${tile.tiles}__wasmsimd`;
  return {
    name,
    kind: "convolution",
    supports: (problem) => hasShape(problem) && isExact(problem),
    isFaster,
    pack: (problem) => packWinograd(problem, winogradLayout(problem, tile)),
    scratchBytes: (problem) => {
      const layout = winogradLayout(problem, tile);
      const { inputs, sums } = stripBytes(layout);
      return imageBytes(problem, layout) + inputs + sums;
    },
    emit: (problem, module) =>
      module.addFunction(name, { parameters: convolutionParameters(problem) }, (f) => {
        const [constants, scratch, output, input] = f.parameters;
        const [inputs, sums] = f.locals("i32", 2);
        const layout = winogradLayout(problem, tile);
        const image = readsPadding(problem.window) ? scratch : input;
        if (image === scratch) {
          const codec = copyBytes(problem.inputZeroPoint);
          emitBorderedImage(f, layout.image, problem.inputChannels, codec, input, scratch);
        }
        f.get(scratch).i32(imageBytes(problem, layout)).op("i32.add").set(inputs);
        f.get(inputs).i32(stripBytes(layout).inputs).op("i32.add").set(sums);
        emitWinograd(f, layout, integerEpilogue(problem), { constants, image, inputs, sums, output });
      }),
  };
}

function hasShape({ window: w, inputChannels, outputChannels, groups }: AnyConvolutionProblem): boolean {
  return isRegular(w) && w.kernelHeight === 3 && w.kernelWidth === 3 && w.strideY === 1 && w.strideX === 1 &&
    w.dilationY === 1 && w.dilationX === 1 && w.outputHeight >= OUTPUT_EXTENT && w.outputWidth >= OUTPUT_EXTENT &&
    groups === 1 && inputChannels % 8 === 0 && outputChannels % 4 === 0;
}

/**
 * Whether every sum of products of weights and stored activations, which are not negative, is less than `OUTPUT_LIMIT`:
 * the signs of the weights bound it.
 */
function isExact({ weights, outputChannels, inputHigh, inputZeroPoint }: AnyConvolutionProblem): boolean {
  const perChannel = weights.length / outputChannels;
  const limit = (OUTPUT_LIMIT - 1) / Math.max(inputHigh, inputZeroPoint);
  for (let channel = 0; channel < outputChannels; channel++) {
    let positive = 0;
    let negative = 0;
    for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) {
      if (weights[i] > 0) positive += weights[i];
      else negative -= weights[i];
    }
    if (positive > limit || negative > limit) return false;
  }
  return true;
}

/** Bytes of the bordered image in scratch. */
function imageBytes(
  { window, inputZeroPoint, inputChannels }: AnyConvolutionProblem,
  { image }: WinogradLayout,
): number {
  if (!readsPadding(window)) return 0;
  return Math.ceil(borderedImageBytes(image, inputChannels, copyBytes(inputZeroPoint)) / 16) * 16;
}
