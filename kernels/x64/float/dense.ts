import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { isRegular } from "../../convolution/bordered_image.ts";
import { type DenseSum, denseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import { type PixelTiles, pixelTiles, type Run } from "../../convolution/pixel_tiles.ts";
import { unrollOf } from "../../convolution/tile_sum.ts";
import { BORDER_BYTES } from "../convolution/bordered_bytes.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, type VectorRegister, zmm } from "../operands.ts";
import {
  emitFloatBias,
  emitFloatMask,
  emitFloatOutputs,
  emitMultiplyAdd,
  type FloatBlock,
  floatBlock,
  LANES,
  VECTOR_BYTES,
  writeFloatBlock,
} from "./float_block.ts";
import { emitFloatImage, type FloatImage, floatImage } from "./float_image.ts";

/** Outputs of a whole tile and its accumulators: with two weights, an activation and a product they fill 32 registers. */
const TILE = { outputs: 32, accumulators: 28 } as const;

const FLOAT = { elementBytes: 4, elementsPerStep: 1 } as const;

/**
 * Where few tiles read them, weights come from memory rather than from a cache. They are asked for this far ahead:
 * processors do so themselves only within a page. A single tile waits for the memory anyway.
 */
const PREFETCH_BYTES = 4096;
const COLD_TILES = 8;

/** A sum of at most this many steps is code without a loop. */
const STRAIGHT_STEPS = 16;

/** `denseSum`, whose runs end with a pixel where something lies between pixels. */
function imageSum(problem: FloatConvolutionProblem, image: FloatImage): DenseSum {
  if (image.pixelBytes === image.channelBytes) return denseSum(problem, image, FLOAT);
  const { window: w, inputChannels, groups } = problem;
  const elements = inputChannels / groups;
  const rowPitch = w.dilationY * image.columns * image.pixelBytes;
  const runPitch = w.kernelWidth === 1 ? rowPitch : w.dilationX * image.pixelBytes;
  return { rows: w.kernelHeight, runs: w.kernelWidth, elements, steps: elements, runPitch, rowPitch };
}

function layoutOf(problem: FloatConvolutionProblem) {
  const image = floatImage(problem);
  const sum = imageSum(problem, image);
  const steps = sum.rows * sum.runs * sum.steps;
  const blocks = outputBlocks(problem, TILE).map(({ count, channels }) => ({
    count,
    block: floatBlock(channels, steps),
  }));
  return { image, sum, steps, blocks };
}

/** The blocks of all groups in the order of their outputs, with where they start in the constants. */
function placedBlocks(problem: FloatConvolutionProblem) {
  const { steps, blocks } = layoutOf(problem);
  const ofGroup = blocks.flatMap(({ count, block }) => new Array<FloatBlock>(count).fill(block));
  let end = BORDER_BYTES;
  let next = 0;
  const placed = Array.from({ length: problem.groups }, () => ofGroup).flat().map((block) => {
    const [start, channel] = [end, next];
    end += block.bytes;
    next += block.channels;
    return { block, start, channel };
  });
  return { placed, steps, bytes: end };
}

/** The border's value, which is 0, then a block for each group and block of outputs. */
function pack(problem: FloatConvolutionProblem): Uint8Array {
  const { placed, steps, bytes } = placedBlocks(problem);
  const floats = new Float32Array(bytes / 4);
  const view = new DataView(floats.buffer);
  let weight = 0;
  for (const { block, start, channel } of placed) {
    writeFloatBlock(view, start, block, problem, channel);
    const pitch = block.vectors * LANES;
    for (let o = 0; o < block.channels; o++) {
      let at = (start + block.weights) / 4 + o;
      for (let step = 0; step < steps; step++) {
        floats[at] = problem.weights[weight++];
        at += pitch;
      }
    }
  }
  return new Uint8Array(floats.buffer);
}

/**
 * Implicit matrix product over the channels-last image with its border, as the integer kernel of kernels/x64/convolution
 * is: for each group, block of outputs and tile of pixels the bias, the whole sum in the order of the reference, clamps.
 */
function generate(problem: FloatConvolutionProblem): Uint8Array {
  const { window: w, inputChannels, outputChannels, groups } = problem;
  const { image, sum, blocks } = layoutOf(problem);
  const columnPitch = w.strideX * image.pixelBytes;
  const rowPitch = w.strideY * image.columns * image.pixelBytes;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = w.strideY * image.columns === w.outputWidth * w.strideX;
  const [outputRows, outputColumns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  const pixelBytes = 4 * outputChannels;

  const f = new KernelFunction(1);
  const { constants: block, scratch, output: groupOutput, inputs: [input] } = f;
  const source = image.isCopied ? scratch : input;
  if (image.isCopied) emitFloatImage(f, image, block, input, scratch);
  f.free(image.isCopied ? input : scratch).advance(block, BORDER_BYTES);
  const [x, out] = [f.take(), f.take()];
  f.repeat(groups, () => {
    for (const { count, block: layout } of blocks) {
      const tiles = pixelTiles(outputRows, outputColumns, Math.floor(TILE.accumulators / layout.vectors));
      const isCold = tilesOf(tiles) > 1 && tilesOf(tiles) <= COLD_TILES;
      emitFloatMask(f, layout);
      f.repeat(count, () => {
        f.set(x, source).set(out, groupOutput);
        for (const { count: rowTiles, size: rows } of tiles.rows) {
          f.repeat(rowTiles, () => {
            for (const { count: columnTiles, size: columns } of tiles.columns) {
              f.repeat(columnTiles, () => {
                const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
                const pointOffsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
                const outputOffsets = pixels.map(([row, column]) => (row * outputColumns + column) * pixelBytes);
                const accumulators = Array.from(
                  { length: layout.vectors },
                  (_, v) => pixels.map((_, pixel) => zmm(v * pixels.length + pixel)),
                );
                emitFloatBias(f, accumulators, block);
                emitSum(f, accumulators, sum, block, layout, x, pointOffsets, isCold);
                emitFloatOutputs(f, accumulators, TEMPORARIES, block, layout, out, outputOffsets);
                f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
              });
            }
            f.advance(x, rows * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows - 1) * outputColumns * pixelBytes);
          });
        }
        f.advance(block, layout.bytes).advance(groupOutput, 4 * layout.channels);
      });
    }
    f.advance(source, 4 * inputChannels / groups);
  });
  return f.finish();
}

function tilesOf({ rows, columns }: PixelTiles): number {
  const countOf = (runs: readonly Run[]): number => runs.reduce((sum, { count }) => sum + count, 0);
  return countOf(rows) * countOf(columns);
}

/** Registers beside the accumulators. */
const TEMPORARIES = [zmm(28), zmm(29)] as const;
const WEIGHTS = [zmm(30), zmm(31)] as const;

/** Adds all products of a tile, one input element after the other. */
function emitSum(
  f: KernelFunction,
  accumulators: readonly VectorRegister[][],
  { rows, runs, steps, runPitch, rowPitch }: DenseSum,
  block: Pointer,
  layout: FloatBlock,
  x: Pointer,
  pointOffsets: readonly number[],
  isCold: boolean,
): void {
  const weights = WEIGHTS.slice(0, layout.vectors);
  const stepBytes = layout.vectors * VECTOR_BYTES;
  const step = (w: Pointer, weightOffset: number, a: Pointer, offset: number): void => {
    weights.forEach((vector, v) => {
      const offset = weightOffset + VECTOR_BYTES * v;
      if (isCold) f.code.emit("prefetcht0", memory(w, offset + PREFETCH_BYTES));
      f.code.emit("vmovdqu32", vector, memory(w, offset));
    });
    pointOffsets.forEach((pointOffset, point) => {
      const sums = accumulators.map((row) => row[point]);
      emitMultiplyAdd(f, sums, weights, TEMPORARIES, a, pointOffset + offset);
    });
  };
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let i = 0; i < rows * runs * steps; i++) {
      const run = Math.floor(i / steps);
      const offset = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch + 4 * (i % steps);
      step(block, layout.weights + i * stepBytes, x, offset);
    }
    return;
  }
  const [w, a] = [f.take(), f.take()];
  f.set(w, block).advance(w, layout.weights).set(a, x);
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

/** Dense and grouped convolutions of float32, and so matrix products: the bits of the reference. */
export const FLOAT_DENSE_KERNELS: readonly NativeKernel<FloatConvolutionProblem>[] = [{
  target: "x64",
  name: `f32_f32_conv_${TILE.outputs}x${TILE.accumulators * LANES / TILE.outputs}__avx512`,
  kind: "float_convolution",
  supports: ({ window }) => isRegular(window),
  pack,
  scratchBytes: (problem) => floatImage(problem).scratchBytes,
  generate,
}];
