import type { ConvolutionShape, DenseSum } from "../../convolution/dense_layout.ts";
import { pixelTiles, type Run } from "../../convolution/pixel_tiles.ts";
import { type RunSplit, unrollOf } from "../../convolution/tile_sum.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import type { VectorRegister } from "../operands.ts";
import {
  columnAxis,
  insideTiles,
  rangeNumbers,
  rowAxis,
  tapRanges,
  type TapRun,
  type TapTiles,
  wholeTiles,
} from "./inside_taps.ts";
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
 * each of these pixels of the tile at `activations` + offset.
 */
export type StepEmitter = (
  weights: Pointer,
  weightOffset: number,
  activations: Pointer,
  offset: number,
  pixels: readonly number[],
) => void;

/** Where the pixels of a tile read: their offsets from a pointer. */
export interface TileSource {
  readonly pointer: Pointer;
  readonly offsets: readonly number[];
}

/** The arithmetic of a matrix product, which reads `STEP_BYTES` of each pixel and `VECTOR_BYTES` of weights in a step. */
export interface DenseArithmetic<Block extends TileBlock> extends Omit<TileArithmetic<Block>, "emitOutputs"> {
  emitOutputs(...parameters: [...Parameters<TileArithmetic<Block>["emitOutputs"]>, source: TileSource]): void;
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
  /** Whether the image is the input itself, and taps on padding are left out; the sum's runs are then the taps. */
  readonly isInside?: boolean;
  readonly blocks: readonly BlockRun<Block>[];
  readonly arithmetic: DenseArithmetic<Block>;
}

/**
 * Implicit matrix product over a channels-last image that holds its padding, or whose taps on padding are left out. For each group, for each block of outputs
 * (its weights stay in the first or second cache level), for each tile of pixels: bias, the whole sum, outputs. The
 * pointers move on to the end.
 * @param block of the first block
 * @param source of the image
 */
export function emitDense<Block extends TileBlock>(
  f: KernelFunction,
  { shape, image, sum, blocks, arithmetic, isInside = false }: DenseGenerator<Block>,
  block: Pointer,
  source: Pointer,
  output: Pointer,
): void {
  const { window: w, inputChannels, outputChannels, groups } = shape;
  const { outputElementBytes } = arithmetic;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = !isInside && w.strideY * image.columns === w.outputWidth * w.strideX;
  const [outputRows, outputColumns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  const outputColumnPitch = outputChannels * outputElementBytes;
  const pitches: TilePitches = {
    columnPitch: w.strideX * image.pixelBytes,
    rowPitch: w.strideY * image.columns * image.pixelBytes,
    outputColumnPitch,
    outputRowPitch: outputColumns * outputColumnPitch,
  };
  const { columnPitch, rowPitch, outputRowPitch } = pitches;
  const edgesOf = (rows: TapTiles, columns: TapTiles): number[] => {
    if (!isInside) return [];
    const [rowRanges, columnRanges] = [tapRanges(rowAxis(w)), tapRanges(columnAxis(w))];
    const columnNumbers = rangeNumbers(columns, columnRanges);
    return rangeNumbers(rows, rowRanges).flatMap((row) =>
      columnNumbers.map((column) => columnRanges.length * row + column)
    );
  };
  if (isInside) f.advance(source, -(w.padTop * image.columns + w.padLeft) * image.pixelBytes);
  const [x, out] = [f.take(), f.take()];
  f.repeat(groups, () => {
    for (const { count, block: layout } of blocks) {
      const tiles = pixelTiles(outputRows, outputColumns, Math.floor(arithmetic.accumulators / layout.vectors));
      const tileCount = countOf(tiles.rows) * countOf(tiles.columns);
      const rowTiles = isInside ? insideTiles(tiles.rows, rowAxis(w)) : wholeTiles(tiles.rows, sum.rows);
      const columnTiles = isInside ? insideTiles(tiles.columns, columnAxis(w)) : wholeTiles(tiles.columns, sum.runs);
      arithmetic.emitMask(f, layout);
      f.repeat(count, () => {
        f.set(x, source).set(out, output);
        for (const rows of rowTiles) {
          f.repeat(rows.count, () => {
            for (const columns of columnTiles) {
              f.repeat(columns.count, () => {
                const { pointOffsets, outputOffsets } = tileOffsets(rows.size, columns.size, pitches);
                const accumulators = accumulatorsOf(layout.vectors, pointOffsets.length);
                arithmetic.emitBias(f, accumulators, block, layout, edgesOf(rows, columns));
                const emitStep = arithmetic.stepsOf(f, accumulators, pointOffsets, tileCount);
                emitSum(f, sum, layout, block, x, { rows, columns }, emitStep, isInside ? splitInside : unrollOf);
                const source = { pointer: x, offsets: pointOffsets };
                arithmetic.emitOutputs(f, accumulators, block, layout, out, outputOffsets, source);
                f.advance(x, columns.size * columnPitch).advance(out, columns.size * outputColumnPitch);
              });
            }
            f.advance(x, rows.size * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows.size - 1) * outputRowPitch);
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

interface TapsOfTile {
  readonly rows: TapTiles;
  readonly columns: TapTiles;
}

/** Pixels of a tile, row by row, that read these taps. */
function readersOf(row: TapRun, column: TapRun, columns: number): number[] {
  const width = column.to - column.from;
  return Array.from(
    { length: (row.to - row.from) * width },
    (_, i) => (row.from + Math.floor(i / width)) * columns + column.from + i % width,
  );
}

/** Adds all products of a tile, in the order of the sum. */
function emitSum(
  f: KernelFunction,
  sum: DenseSum,
  layout: TileBlock,
  block: Pointer,
  x: Pointer,
  tile: TapsOfTile,
  emitStep: StepEmitter,
  split: (steps: number) => RunSplit,
): void {
  if (sum.rows * sum.runs * sum.steps <= STRAIGHT_STEPS) emitStraightSum(sum, layout, block, x, tile, emitStep);
  else emitLoopedSum(f, sum, layout, block, x, tile, emitStep, split);
}

/** Tiles of many kinds are so much code that loops are kept short: two steps take longer than what a loop costs. */
function splitInside(steps: number): RunSplit {
  return { unroll: 2, loops: Math.floor(steps / 2), rest: steps % 2 };
}

function emitStraightSum(
  { runs, steps, runPitch, rowPitch }: DenseSum,
  { vectors, weights }: TileBlock,
  block: Pointer,
  x: Pointer,
  { rows, columns }: TapsOfTile,
  emitStep: StepEmitter,
): void {
  const each = (taps: readonly TapRun[]): TapRun[] => taps.flatMap((run) => new Array<TapRun>(run.count).fill(run));
  each(rows.taps).forEach((row, r) =>
    each(columns.taps).forEach((column, c) => {
      const pixels = readersOf(row, column, columns.size);
      for (let i = 0; i < steps && pixels.length > 0; i++) {
        const weightOffset = weights + ((r * runs + c) * steps + i) * vectors * VECTOR_BYTES;
        emitStep(block, weightOffset, x, r * rowPitch + c * runPitch + STEP_BYTES * i, pixels);
      }
    })
  );
}

function emitLoopedSum(
  f: KernelFunction,
  { runs, steps, runPitch, rowPitch }: DenseSum,
  { vectors, weights }: TileBlock,
  block: Pointer,
  x: Pointer,
  { rows, columns }: TapsOfTile,
  emitStep: StepEmitter,
  split: (steps: number) => RunSplit,
): void {
  const weightPitch = vectors * VECTOR_BYTES;
  const [w, a] = [f.take(), f.take()];
  f.set(w, block).advance(w, weights).set(a, x);
  /** `count` steps whose activations are neighbours, and on to what lies `pitch` behind their first. */
  const emitRun = (count: number, pitch: number, pixels: readonly number[]): void => {
    if (pixels.length === 0) {
      f.advance(w, count * weightPitch).advance(a, pitch);
      return;
    }
    const emitSteps = (steps: number): void => {
      for (let i = 0; i < steps; i++) emitStep(w, i * weightPitch, a, STEP_BYTES * i, pixels);
    };
    const { unroll, loops, rest } = split(count);
    f.repeat(loops, () => {
      emitSteps(unroll);
      f.advance(w, unroll * weightPitch).advance(a, STEP_BYTES * unroll);
    });
    emitSteps(rest);
    f.advance(w, rest * weightPitch).advance(a, pitch - STEP_BYTES * unroll * loops);
  };
  const areNeighbours = runPitch === STEP_BYTES * steps;
  for (const row of rows.taps) {
    if (row.from === row.to) {
      f.advance(w, row.count * runs * steps * weightPitch).advance(a, row.count * rowPitch);
      continue;
    }
    f.repeat(row.count, () => {
      for (const column of columns.taps) {
        const pixels = readersOf(row, column, columns.size);
        if (areNeighbours) emitRun(column.count * steps, column.count * runPitch, pixels);
        else f.repeat(column.count, () => emitRun(steps, runPitch, pixels));
      }
      f.advance(a, rowPitch - runs * runPitch);
    });
  }
  f.free(w, a);
}
