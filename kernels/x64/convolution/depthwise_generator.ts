import type { Window } from "../../../lib/tensor/window.ts";
import type { BorderedImage } from "../../convolution/bordered_image.ts";
import { pixelTiles } from "../../convolution/pixel_tiles.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, type VectorRegister } from "../operands.ts";
import { columnAxis, insideTiles, rowAxis, type TapRange, wholeTiles } from "./inside_taps.ts";
import {
  accumulatorsOf,
  type BlockRun,
  placeBlocks,
  type TileArithmetic,
  type TileBlock,
  tileOffsets,
  VECTOR_BYTES,
} from "./tile_block.ts";

/** Channels x pixels of one tile. */
export const DEPTHWISE_TILE = { channels: 16, pixels: 12 } as const;

/** A window of at most this many taps is code without a loop. */
const STRAIGHT_TAPS = 25;

export function isStraight({ kernelHeight, kernelWidth }: Window): boolean {
  return kernelHeight * kernelWidth <= STRAIGHT_TAPS;
}

/** The arithmetic of a tap: a weight and an activation of sixteen channels. */
export interface DepthwiseArithmetic<Block extends TileBlock> extends TileArithmetic<Block> {
  readonly inputElementBytes: number;
  /** Holds a tap's weights. */
  readonly weights: VectorRegister;
  /** accumulator += weights * the activations at an address; `count` products were added before. */
  emitProduct(
    f: KernelFunction,
    accumulator: VectorRegister,
    activations: Pointer,
    offset: number,
    count: number,
  ): void;
}

export interface DepthwiseGenerator<Block extends TileBlock> {
  readonly window: Window;
  readonly channels: number;
  /** The image with its padding; undefined where taps read the input itself and those that fall on padding are left out. */
  readonly image?: Pick<BorderedImage, "columns">;
  readonly blocks: readonly BlockRun<Block>[];
  readonly arithmetic: DepthwiseArithmetic<Block>;
}

/** The blocks of `channels`, of the layout that `blockOf` gives to 16 channels or fewer. */
export function depthwiseBlocks<Block extends TileBlock>(
  channels: number,
  blockOf: (channels: number) => Block,
): BlockRun<Block>[] {
  const { channels: width } = DEPTHWISE_TILE;
  return [{ count: Math.floor(channels / width), channels: width }, { count: 1, channels: channels % width }]
    .filter((run) => run.count * run.channels > 0)
    .map((run) => ({ count: run.count, block: blockOf(run.channels) }));
}

/** Constants of all blocks behind `start` bytes; a tap's weights are a vector, of four bytes for each channel. */
export function packDepthwise<Block extends TileBlock>(
  blocks: readonly BlockRun<Block>[],
  start: number,
  taps: number,
  setWeight: (view: DataView, position: number, index: number) => void,
  writeRest: (view: DataView, start: number, block: Block, channel: number) => void,
): Uint8Array<ArrayBuffer> {
  const { placed, end } = placeBlocks(1, blocks, start);
  const constants = new Uint8Array(end);
  const view = new DataView(constants.buffer);
  for (const { block, start, channel } of placed) {
    for (let c = 0; c < block.channels; c++) {
      for (let tap = 0; tap < taps; tap++) {
        setWeight(view, start + block.weights + tap * VECTOR_BYTES + 4 * c, (channel + c) * taps + tap);
      }
    }
    writeRest(view, start, block, channel);
  }
  return constants;
}

/**
 * Row by row, so that a row's image stays in the first cache level while all blocks of channels read it. `source` and
 * `output` move on to the end.
 * @param firstBlock of the first block
 * @param source of the image that taps read
 */
export function emitDepthwise<Block extends TileBlock>(
  f: KernelFunction,
  generator: DepthwiseGenerator<Block>,
  firstBlock: Pointer,
  source: Pointer,
  output: Pointer,
): void {
  const { window: w, channels, blocks, arithmetic } = generator;
  const { image = { columns: w.inputWidth } } = generator;
  const { inputElementBytes, outputElementBytes } = arithmetic;
  const columnPitch = w.strideX * channels * inputElementBytes;
  const rowPitch = w.strideY * image.columns * channels * inputElementBytes;
  const outputColumnPitch = channels * outputElementBytes;
  const outputRowPitch = w.outputWidth * outputColumnPitch;
  const pitches = { columnPitch, rowPitch, outputColumnPitch, outputRowPitch };
  const tiles = pixelTiles(w.outputHeight, w.outputWidth, DEPTHWISE_TILE.pixels);
  const isInside = generator.image === undefined;
  const rowTiles = isInside ? insideTiles(tiles.rows, rowAxis(w)) : wholeTiles(tiles.rows, w.kernelHeight);
  const columnTiles = isInside ? insideTiles(tiles.columns, columnAxis(w)) : wholeTiles(tiles.columns, w.kernelWidth);
  if (isInside) {
    f.advance(source, -(w.padTop * image.columns + w.padLeft) * channels * inputElementBytes);
  }
  const [block, x, out] = [f.take(), f.take(), f.take()];
  for (const { count: tilesDown, size: rows, ranges: rowRanges } of rowTiles) {
    f.repeat(tilesDown, () => {
      f.set(block, firstBlock);
      for (const { count, block: layout } of blocks) {
        arithmetic.emitMask(f, layout);
        f.repeat(count, () => {
          f.set(x, source).set(out, output);
          for (const { count: tilesAcross, size: columns, ranges: columnRanges } of columnTiles) {
            f.repeat(tilesAcross, () => {
              const { pointOffsets, outputOffsets } = tileOffsets(rows, columns, pitches);
              const accumulators = accumulatorsOf(1, pointOffsets.length);
              arithmetic.emitBias(f, accumulators, block, layout);
              const taps = rowRanges.flatMap((rows) => columnRanges.map((columns) => ({ rows, columns })));
              emitTaps(f, generator, accumulators[0], block, layout, x, pointOffsets, taps);
              arithmetic.emitOutputs(f, accumulators, block, layout, out, outputOffsets);
              f.advance(x, columns * columnPitch).advance(out, columns * outputColumnPitch);
            });
          }
          f.advance(block, layout.bytes);
          f.advance(source, inputElementBytes * layout.channels);
          f.advance(output, outputElementBytes * layout.channels);
        });
      }
      f.advance(source, rows * rowPitch - channels * inputElementBytes);
      f.advance(output, rows * outputRowPitch - outputColumnPitch);
    });
  }
  f.free(block, x, out);
}

/** Adds all taps that the pixels of a tile read, row by row. */
function emitTaps<Block extends TileBlock>(
  f: KernelFunction,
  { window: w, channels, image = { columns: w.inputWidth }, arithmetic }: DepthwiseGenerator<Block>,
  accumulators: readonly VectorRegister[],
  block: Pointer,
  layout: Block,
  x: Pointer,
  pointOffsets: readonly number[],
  taps: readonly { readonly rows: TapRange; readonly columns: TapRange }[],
): void {
  const tapPitch = w.dilationX * channels * arithmetic.inputElementBytes;
  const rowPitch = w.dilationY * image.columns * channels * arithmetic.inputElementBytes;
  const weightsOfRow = w.kernelWidth * VECTOR_BYTES;
  let count = 0;
  const isWithin = (tap: number, [first, end]: TapRange): boolean => tap >= first && tap < end;
  const row = (weights: Pointer, weightOffset: number, a: Pointer, offset: number, r: number): void => {
    for (let tap = 0; tap < w.kernelWidth; tap++) {
      const points = pointOffsets.map((_, point) => point)
        .filter((point) => isWithin(r, taps[point].rows) && isWithin(tap, taps[point].columns));
      if (points.length === 0) continue;
      f.code.emit("vmovdqu32", arithmetic.weights, memory(weights, weightOffset + tap * VECTOR_BYTES));
      for (const point of points) {
        arithmetic.emitProduct(f, accumulators[point], a, pointOffsets[point] + offset + tap * tapPitch, count++);
      }
    }
  };
  if (isStraight(w)) {
    for (let r = 0; r < w.kernelHeight; r++) row(block, layout.weights + r * weightsOfRow, x, r * rowPitch, r);
    return;
  }
  const [weights, a] = [f.take(), f.take()];
  f.set(weights, block).advance(weights, layout.weights).set(a, x);
  f.repeat(w.kernelHeight, () => {
    row(weights, 0, a, 0, 0);
    f.advance(weights, weightsOfRow).advance(a, rowPitch);
  });
  f.free(weights, a);
}
