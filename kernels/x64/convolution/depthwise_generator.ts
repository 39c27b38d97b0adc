import type { Window } from "../../../lib/tensor/window.ts";
import type { BorderedImage } from "../../convolution/bordered_image.ts";
import { pixelTiles } from "../../convolution/pixel_tiles.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, type VectorRegister } from "../operands.ts";
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
  readonly image: BorderedImage;
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
 * @param source of the image, which holds its padding
 */
export function emitDepthwise<Block extends TileBlock>(
  f: KernelFunction,
  generator: DepthwiseGenerator<Block>,
  firstBlock: Pointer,
  source: Pointer,
  output: Pointer,
): void {
  const { window: w, channels, image, blocks, arithmetic } = generator;
  const { inputElementBytes, outputElementBytes } = arithmetic;
  const columnPitch = w.strideX * channels * inputElementBytes;
  const rowPitch = w.strideY * image.columns * channels * inputElementBytes;
  const outputColumnPitch = channels * outputElementBytes;
  const outputRowPitch = w.outputWidth * outputColumnPitch;
  const pitches = { columnPitch, rowPitch, outputColumnPitch, outputRowPitch };
  const tiles = pixelTiles(w.outputHeight, w.outputWidth, DEPTHWISE_TILE.pixels);
  const [block, x, out] = [f.take(), f.take(), f.take()];
  for (const { count: rowTiles, size: rows } of tiles.rows) {
    f.repeat(rowTiles, () => {
      f.set(block, firstBlock);
      for (const { count, block: layout } of blocks) {
        arithmetic.emitMask(f, layout);
        f.repeat(count, () => {
          f.set(x, source).set(out, output);
          for (const { count: columnTiles, size: columns } of tiles.columns) {
            f.repeat(columnTiles, () => {
              const { pointOffsets, outputOffsets } = tileOffsets(rows, columns, pitches);
              const accumulators = accumulatorsOf(1, pointOffsets.length);
              arithmetic.emitBias(f, accumulators, block, layout);
              emitTaps(f, generator, accumulators[0], block, layout, x, pointOffsets);
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

/** Adds all taps of a tile, row by row. */
function emitTaps<Block extends TileBlock>(
  f: KernelFunction,
  { window: w, channels, image, arithmetic }: DepthwiseGenerator<Block>,
  accumulators: readonly VectorRegister[],
  block: Pointer,
  layout: Block,
  x: Pointer,
  pointOffsets: readonly number[],
): void {
  const tapPitch = w.dilationX * channels * arithmetic.inputElementBytes;
  const rowPitch = w.dilationY * image.columns * channels * arithmetic.inputElementBytes;
  const weightsOfRow = w.kernelWidth * VECTOR_BYTES;
  let count = 0;
  const row = (weights: Pointer, weightOffset: number, a: Pointer, offset: number): void => {
    for (let tap = 0; tap < w.kernelWidth; tap++) {
      f.code.emit("vmovdqu32", arithmetic.weights, memory(weights, weightOffset + tap * VECTOR_BYTES));
      pointOffsets.forEach((pointOffset, point) => {
        arithmetic.emitProduct(f, accumulators[point], a, pointOffset + offset + tap * tapPitch, count++);
      });
    }
  };
  if (w.kernelHeight * w.kernelWidth <= STRAIGHT_TAPS) {
    for (let r = 0; r < w.kernelHeight; r++) row(block, layout.weights + r * weightsOfRow, x, r * rowPitch);
    return;
  }
  const [weights, a] = [f.take(), f.take()];
  f.set(weights, block).advance(weights, layout.weights).set(a, x);
  f.repeat(w.kernelHeight, () => {
    row(weights, 0, a, 0);
    f.advance(weights, weightsOfRow).advance(a, rowPitch);
  });
  f.free(weights, a);
}
