import type { ConvolutionShape, DenseSum } from "../../convolution/dense_layout.ts";
import { pixelTiles, type Run } from "../../convolution/pixel_tiles.ts";
import { unrollOf } from "../../convolution/tile_sum.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import type { VectorRegister } from "../operands.ts";
import {
  accumulatorsOf,
  type BlockRun,
  type TileArithmetic,
  type TileBlock,
  tileOffsets,
  type TilePitches,
  VECTOR_BYTES,
} from "./tile_block.ts";

/** Bytes of the activations that a step reads of a pixel. */
export const STEP_BYTES = 4;

/**
 * Adds the products of one step: the weights at `weights` + offset, a vector for each of the block's, by an activation of
 * each pixel of the tile at `activations` + offset.
 */
export type StepEmitter = (weights: Pointer, weightOffset: number, activations: Pointer, offset: number) => void;

/** The arithmetic of a matrix product, which reads `STEP_BYTES` of each pixel and `VECTOR_BYTES` of weights in a step. */
export interface DenseArithmetic<Block extends TileBlock> extends TileArithmetic<Block> {
  readonly inputElementBytes: number;
  /** Accumulators that a tile may have. */
  readonly accumulators: number;
  /** What emits the steps of a tile; `tiles` tiles read the same weights, one after the other. */
  stepsOf(
    f: KernelFunction,
    accumulators: readonly VectorRegister[][],
    pointOffsets: readonly number[],
    tiles: number,
  ): StepEmitter;
}

export interface DenseGenerator<Block extends TileBlock> {
  readonly shape: ConvolutionShape;
  /** The image that the taps read: pixels in a row, and bytes from one to the next. */
  readonly image: { readonly columns: number; readonly pixelBytes: number };
  readonly sum: DenseSum;
  readonly blocks: readonly BlockRun<Block>[];
  readonly arithmetic: DenseArithmetic<Block>;
}

/**
 * Implicit matrix product over a channels-last image that holds its padding. For each group, for each block of outputs
 * (its weights stay in the first or second cache level), for each tile of pixels: bias, the whole sum, outputs. The
 * pointers move on to the end.
 * @param block of the first block
 * @param source of the image
 */
export function emitDense<Block extends TileBlock>(
  f: KernelFunction,
  { shape, image, sum, blocks, arithmetic }: DenseGenerator<Block>,
  block: Pointer,
  source: Pointer,
  output: Pointer,
): void {
  const { window: w, inputChannels, outputChannels, groups } = shape;
  const { outputElementBytes } = arithmetic;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = w.strideY * image.columns === w.outputWidth * w.strideX;
  const [outputRows, outputColumns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  const outputColumnPitch = outputChannels * outputElementBytes;
  const pitches: TilePitches = {
    columnPitch: w.strideX * image.pixelBytes,
    rowPitch: w.strideY * image.columns * image.pixelBytes,
    outputColumnPitch,
    outputRowPitch: outputColumns * outputColumnPitch,
  };
  const { columnPitch, rowPitch, outputRowPitch } = pitches;
  const [x, out] = [f.take(), f.take()];
  f.repeat(groups, () => {
    for (const { count, block: layout } of blocks) {
      const tiles = pixelTiles(outputRows, outputColumns, Math.floor(arithmetic.accumulators / layout.vectors));
      const tileCount = countOf(tiles.rows) * countOf(tiles.columns);
      arithmetic.emitMask(f, layout);
      f.repeat(count, () => {
        f.set(x, source).set(out, output);
        for (const { count: rowTiles, size: rows } of tiles.rows) {
          f.repeat(rowTiles, () => {
            for (const { count: columnTiles, size: columns } of tiles.columns) {
              f.repeat(columnTiles, () => {
                const { pointOffsets, outputOffsets } = tileOffsets(rows, columns, pitches);
                const accumulators = accumulatorsOf(layout.vectors, pointOffsets.length);
                arithmetic.emitBias(f, accumulators, block, layout);
                emitSum(f, sum, layout, block, x, arithmetic.stepsOf(f, accumulators, pointOffsets, tileCount));
                arithmetic.emitOutputs(f, accumulators, block, layout, out, outputOffsets);
                f.advance(x, columns * columnPitch).advance(out, columns * outputColumnPitch);
              });
            }
            f.advance(x, rows * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows - 1) * outputRowPitch);
          });
        }
        f.advance(block, layout.bytes).advance(output, outputElementBytes * layout.channels);
      });
    }
    f.advance(source, arithmetic.inputElementBytes * inputChannels / groups);
  });
  f.free(x, out);
}

function countOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

/** A sum of at most this many steps is code without a loop. */
const STRAIGHT_STEPS = 16;

/** Adds all products of a tile, in the order of the sum. */
function emitSum(
  f: KernelFunction,
  { rows, runs, steps, runPitch, rowPitch }: DenseSum,
  { vectors, weights }: TileBlock,
  block: Pointer,
  x: Pointer,
  emitStep: StepEmitter,
): void {
  const weightPitch = vectors * VECTOR_BYTES;
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let i = 0; i < rows * runs * steps; i++) {
      const run = Math.floor(i / steps);
      const offset = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch + STEP_BYTES * (i % steps);
      emitStep(block, weights + i * weightPitch, x, offset);
    }
    return;
  }
  const [w, a] = [f.take(), f.take()];
  f.set(w, block).advance(w, weights).set(a, x);
  const { unroll, loops, rest } = unrollOf(steps);
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(loops, () => {
        for (let i = 0; i < unroll; i++) emitStep(w, i * weightPitch, a, STEP_BYTES * i);
        f.advance(w, unroll * weightPitch).advance(a, STEP_BYTES * unroll);
      });
      for (let i = 0; i < rest; i++) emitStep(w, i * weightPitch, a, STEP_BYTES * i);
      f.advance(w, rest * weightPitch).advance(a, runPitch - STEP_BYTES * unroll * loops);
    });
    if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
  });
  f.free(w, a);
}
