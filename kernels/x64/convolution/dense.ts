import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { denseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import { pixelTiles } from "../../convolution/pixel_tiles.ts";
import { unrollOf } from "../../convolution/tile_sum.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, type VectorRegister, zmm } from "../operands.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes, writeBorder } from "./bordered_bytes.ts";
import {
  accumulatorsOf,
  type ChannelBlock,
  channelBlock,
  emitBias,
  emitBlockMask,
  emitOutputs,
  outputBytes,
  writeBlock,
} from "./channel_block.ts";
import { convolutionFunction } from "../sum/summed_channels.ts";

/** Outputs of a whole tile, in vectors of 16, and its accumulators: with two for activations they fill 32 registers. */
interface DenseTile {
  readonly outputs: number;
  readonly accumulators: number;
}

const TILES: readonly DenseTile[] = [{ outputs: 32, accumulators: 28 }];

/** vpdpbusd: four products of uint8 activations and int8 weights for each of 16 outputs, added to int32 sums that wrap. */
const VNNI = { elementBytes: 1, elementsPerStep: 4 } as const;
const VECTOR_BYTES = 64;

/** How a problem is laid out in the constants: the border's value, then a block for each group and block of outputs. */
function layoutOf(problem: AnyConvolutionProblem, tile: DenseTile) {
  const image = borderedImage(problem.window);
  const sum = denseSum(problem, image, VNNI);
  const steps = sum.rows * sum.runs * sum.steps;
  const blocks = outputBlocks(problem, tile).map(({ count, channels }) => ({
    count,
    block: channelBlock(channels, steps * VECTOR_BYTES),
  }));
  return { image, sum, blocks };
}

function pack(problem: AnyConvolutionProblem, tile: DenseTile): Uint8Array {
  const { groups, inputZeroPoint, weights } = problem;
  const { sum, blocks } = layoutOf(problem, tile);
  const ofGroup = blocks.flatMap(({ count, block }) => new Array<ChannelBlock>(count).fill(block));
  const constants = new Uint8Array(BORDER_BYTES + groups * ofGroup.reduce((bytes, block) => bytes + block.bytes, 0));
  const view = new DataView(constants.buffer);
  const words = new Int32Array(constants.buffer);
  writeBorder(constants, 0, inputZeroPoint);
  let start = BORDER_BYTES;
  let channel = 0;
  let weight = 0;
  for (let group = 0; group < groups; group++) {
    for (const block of ofGroup) {
      const stepBytes = block.vectors * VECTOR_BYTES;
      for (let o = 0; o < block.channels; o++) {
        for (let run = 0; run < sum.rows * sum.runs; run++) {
          const first = start + run * sum.steps * stepBytes + 4 * o;
          packWords(words, first >> 2, stepBytes >> 2, weights, weight, sum.elements);
          weight += sum.elements;
        }
      }
      writeBlock(view, start, block, problem, channel);
      start += block.bytes;
      channel += block.channels;
    }
  }
  return constants;
}

/** Writes `count` weights from `first` on, four to a word and words `pitch` apart; the last is filled with zeros. */
export function packWords(
  words: Int32Array,
  start: number,
  pitch: number,
  weights: Int8Array,
  first: number,
  count: number,
): void {
  const end = first + count;
  let at = start;
  for (let i = first; i < end; i += 4) {
    const second = i + 1 < end ? weights[i + 1] & 0xff : 0;
    const third = i + 2 < end ? weights[i + 2] & 0xff : 0;
    const fourth = i + 3 < end ? weights[i + 3] : 0;
    words[at] = weights[i] & 0xff | second << 8 | third << 16 | fourth << 24;
    at += pitch;
  }
}

/**
 * Implicit matrix product over the channels-last image with its border. For each group, for each block of outputs (its
 * weights stay in the first or second cache level), for each tile of pixels: bias, the whole sum, requantization.
 */
function generate(problem: AnyConvolutionProblem, tile: DenseTile): Uint8Array {
  const { window: w, inputChannels, outputChannels, groups } = problem;
  const { image, sum, blocks } = layoutOf(problem, tile);
  const columnPitch = w.strideX * inputChannels;
  const rowPitch = w.strideY * image.columns * inputChannels;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = w.strideY * image.columns === w.outputWidth * w.strideX;
  const [outputRows, outputColumns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  const elementBytes = outputBytes(problem);
  const pixelBytes = outputChannels * elementBytes;

  const f = convolutionFunction(problem);
  const { constants: block, scratch, output: groupOutput, inputs: [input] } = f;
  const source = readsPadding(w) ? scratch : input;
  if (readsPadding(w)) emitBorderedBytes(f, image, inputChannels, block, input, scratch);
  f.free(readsPadding(w) ? input : scratch).advance(block, BORDER_BYTES);
  const [x, out] = [f.take(), f.take()];
  f.repeat(groups, () => {
    for (const { count, block: layout } of blocks) {
      const tiles = pixelTiles(outputRows, outputColumns, Math.floor(tile.accumulators / layout.vectors));
      emitBlockMask(f, layout);
      f.repeat(count, () => {
        f.set(x, source).set(out, groupOutput);
        for (const { count: rowTiles, size: rows } of tiles.rows) {
          f.repeat(rowTiles, () => {
            for (const { count: columnTiles, size: columns } of tiles.columns) {
              f.repeat(columnTiles, () => {
                const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
                const pointOffsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
                const outputOffsets = pixels.map(([row, column]) => (row * outputColumns + column) * pixelBytes);
                const accumulators = accumulatorsOf(layout.vectors, pixels.length);
                emitBias(f, accumulators, block, layout);
                emitSum(f, accumulators, sum, block, x, pointOffsets);
                const free = Array.from({ length: 32 - layout.vectors * pixels.length }, (_, i) => zmm(31 - i));
                emitOutputs(f, problem, accumulators, free, block, layout, out, outputOffsets);
                f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
              });
            }
            f.advance(x, rows * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows - 1) * outputColumns * pixelBytes);
          });
        }
        f.advance(block, layout.bytes).advance(groupOutput, layout.channels * elementBytes);
      });
    }
    f.advance(source, inputChannels / groups);
  });
  return f.finish();
}

/** A sum of at most this many steps is code without a loop. */
const STRAIGHT_STEPS = 16;

/** Adds all products of a tile. */
function emitSum(
  f: KernelFunction,
  accumulators: readonly VectorRegister[][],
  { rows, runs, steps, runPitch, rowPitch }: ReturnType<typeof denseSum>,
  block: Pointer,
  x: Pointer,
  pointOffsets: readonly number[],
): void {
  const vectors = accumulators.length;
  const used = vectors * pointOffsets.length;
  const weights = Array.from({ length: vectors }, (_, v) => zmm(used + v));
  const activations = Array.from({ length: 32 - used - vectors }, (_, i) => zmm(used + vectors + i));
  const stepBytes = vectors * VECTOR_BYTES;
  let next = 0;
  const step = (w: Pointer, weightOffset: number, a: Pointer, offset: number): void => {
    weights.forEach((vector, v) => f.code.emit("vmovdqu32", vector, memory(w, weightOffset + VECTOR_BYTES * v)));
    pointOffsets.forEach((pointOffset, point) => {
      const activation = activations[next++ % activations.length];
      f.code.emit("vpbroadcastd", activation, memory(a, pointOffset + offset));
      weights.forEach((vector, v) => f.code.emit("vpdpbusd", accumulators[v][point], activation, vector));
    });
  };
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let i = 0; i < rows * runs * steps; i++) {
      const run = Math.floor(i / steps);
      step(block, i * stepBytes, x, Math.floor(run / runs) * rowPitch + (run % runs) * runPitch + 4 * (i % steps));
    }
    return;
  }
  const [w, a] = [f.take(), f.take()];
  f.set(w, block).set(a, x);
  const { unroll, loops, rest } = unrollOf(steps);
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(loops, () => {
        for (let i = 0; i < unroll; i++) step(w, i * stepBytes, a, 4 * i);
        f.advance(w, unroll * stepBytes).advance(a, 4 * unroll);
      });
      for (let i = 0; i < rest; i++) step(w, i * stepBytes, a, 4 * i);
      f.advance(w, rest * stepBytes).advance(a, runPitch - 4 * unroll * loops);
    });
    if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
  });
  f.free(w, a);
}

/** Dense and grouped convolutions, and so matrix products, of uint8 activations and int8 weights. */
export const DENSE_KERNELS: readonly NativeKernel<AnyConvolutionProblem>[] = TILES.map((tile) => ({
  target: "x64",
  name: `qu8_qs8c_conv_${tile.outputs}x${tile.accumulators * 16 / tile.outputs}__avx512vnni`,
  kind: "convolution",
  supports: ({ window }) => isRegular(window),
  pack: (problem) => pack(problem, tile),
  scratchBytes: ({ window, inputChannels }) => borderedBytes(window, borderedImage(window), inputChannels),
  generate: (problem) => generate(problem, tile),
}));
