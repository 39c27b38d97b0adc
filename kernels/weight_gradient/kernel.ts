import type { FloatWeightGradientProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import {
  type BorderedImage,
  borderedImage,
  borderedImageBytes,
  COPY_FLOATS,
  emitBorderedImage,
  isRegular,
} from "../convolution/bordered_image.ts";
import { denseSum, type DenseTile, outputBlocks, tilePixels } from "../convolution/dense_layout.ts";
import { balancedSplit } from "../convolution/pixel_tiles.ts";
import { emitTileSum, type StepWalk } from "../convolution/tile_sum.ts";
import { MULTIPLY_ADD } from "../float_convolution/multiply_add.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitStoreTransposed } from "./store_transposed.ts";

/** The steps of every sum: output positions row by row. A row of the gradient stands in for the weights of a step. */
function positionWalk(
  { window: w, inputChannels, outputChannels }: FloatWeightGradientProblem,
  image: BorderedImage,
): StepWalk {
  const activationPitch = w.strideX * inputChannels * MULTIPLY_ADD.elementBytes;
  const rowPitch = w.strideY * image.columns * inputChannels * MULTIPLY_ADD.elementBytes;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = rowPitch === w.outputWidth * activationPitch;
  const [rows, steps] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  return { rows, runs: 1, steps, activationPitch, runPitch: rowPitch, rowPitch, weightPitch: 4 * outputChannels };
}

/**
 * The dense convolution's tile with its parts exchanged: its points are pairs of a tap and an input channel, in the order
 * of the weights, and its sum goes over the output positions. For each group, block of outputs and run of points that lie
 * next to each other in memory: the tiles of the run.
 */
function emitWeightGradient(
  f: FunctionBuilder,
  problem: FloatWeightGradientProblem,
  tile: DenseTile,
  activation: Local,
  gradient: Local,
  output: Local,
): void {
  const { window: w, inputChannels, groups } = problem;
  const image = borderedImage(w);
  const walk = positionWalk(problem, image);
  const { rows, runs, elements, runPitch, rowPitch } = denseSum(problem, image, MULTIPLY_ADD);
  const channelPitch = 4 * rows * runs * elements;

  const [g, groupSource, blockOutput, point, out] = f.locals("i32", 5);
  f.get(gradient).set(g).get(activation).set(groupSource).get(output).set(blockOutput);
  f.repeat(groups, () => {
    for (const { count, channels } of outputBlocks(problem, tile)) {
      f.repeat(count, () => {
        f.get(groupSource).set(point).get(blockOutput).set(out);
        f.repeat(rows, () => {
          f.repeat(runs, () => {
            for (const { count: tiles, size } of balancedSplit(elements, tilePixels(tile, channels))) {
              f.repeat(tiles, () => {
                const accumulators = emitTileSum(f, {
                  arithmetic: MULTIPLY_ADD,
                  walk,
                  vectors: Math.ceil(channels / 4),
                  weights: g,
                  activations: point,
                  pointOffsets: Array.from({ length: size }, (_, p) => 4 * p),
                });
                emitStoreTransposed(f, accumulators, channels, out, channelPitch);
                f.advance(point, 4 * size).advance(out, 4 * size);
              });
            }
            f.advance(point, runPitch - 4 * elements);
          });
          if (runs > 1) f.advance(point, rowPitch - runs * runPitch);
        });
        f.advance(g, 4 * channels).advance(blockOutput, channels * channelPitch);
      });
    }
    f.advance(groupSource, 4 * inputChannels / groups);
  });
}

const TILES: readonly DenseTile[] = [{ outputs: 16, accumulators: 9 }];

/** Gradients of the weights of dense and grouped float32 convolutions. */
export const WEIGHT_GRADIENT_KERNELS: readonly WasmKernel<FloatWeightGradientProblem>[] = TILES.map(
  weightGradientKernel,
);

function weightGradientKernel(tile: DenseTile): WasmKernel<FloatWeightGradientProblem> {
  const name = `f32_convwgrad_${tile.outputs}x${tilePixels(tile, tile.outputs)}__wasmsimd`;
  return {
    name,
    kind: "float_weight_gradient",
    supports: ({ window }) => isRegular(window),
    pack: () => new Uint8Array(0),
    scratchBytes: activationBytes,
    emit: (problem, module) =>
      module.addFunction(name, { parameters: ["i32", "i32", "i32", "i32", "i32"] }, (f) => {
        const activation = emitActivation(f, problem);
        emitWeightGradient(f, problem, tile, activation, f.parameters[4], f.parameters[2]);
      }),
  };
}

/** Bytes of scratch for the activation with its padding, where there is any. */
export function activationBytes({ window, inputChannels }: FloatWeightGradientProblem): number {
  return readsPadding(window) ? borderedImageBytes(borderedImage(window), inputChannels, COPY_FLOATS) : 0;
}

/** The address of the activation as the taps read it: a copy in scratch that holds its padding, or the input itself. */
export function emitActivation(f: FunctionBuilder, { window, inputChannels }: FloatWeightGradientProblem): Local {
  const [, scratch, , input] = f.parameters;
  if (!readsPadding(window)) return input;
  emitBorderedImage(f, borderedImage(window), inputChannels, COPY_FLOATS, input, scratch);
  return scratch;
}
