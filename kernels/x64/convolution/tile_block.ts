import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { type VectorRegister, zmm } from "../operands.ts";

/** Bytes of a vector of weights. */
export const VECTOR_BYTES = 64;

/** Output channels that the constants hold side by side, in vectors of 16, with all that is theirs. */
export interface TileBlock {
  readonly channels: number;
  readonly vectors: number;
  /** Byte position of the weights from the block's start. */
  readonly weights: number;
  readonly bytes: number;
}

/** `count` blocks of one layout, one after the other. */
export interface BlockRun<Block extends TileBlock> {
  readonly count: number;
  readonly block: Block;
}

/** What surrounds the sums of a tile; `accumulators` are [vector][pixel]. */
export interface TileArithmetic<Block extends TileBlock> {
  readonly outputElementBytes: number;
  /** Prepares `emitOutputs`, once before the tiles of blocks like this one. */
  emitMask(f: KernelFunction, block: Block): void;
  /** `edges` says for each pixel which of the block's biases is its own, where they differ by the taps inside. */
  emitBias(
    f: KernelFunction,
    accumulators: readonly VectorRegister[][],
    base: Pointer,
    block: Block,
    edges?: readonly number[],
  ): void;
  /** Makes results of the sums and stores them at `output` + the offset of each pixel. */
  emitOutputs(
    f: KernelFunction,
    accumulators: readonly VectorRegister[][],
    base: Pointer,
    block: Block,
    output: Pointer,
    outputOffsets: readonly number[],
  ): void;
}

export interface PlacedBlock<Block extends TileBlock> {
  readonly block: Block;
  /** Byte position in the constants. */
  readonly start: number;
  /** The first output channel. */
  readonly channel: number;
}

/** The blocks of all groups in the order of their outputs, the first at `start`; `end` is where the last ends. */
export function placeBlocks<Block extends TileBlock>(
  groups: number,
  runs: readonly BlockRun<Block>[],
  start: number,
): { readonly placed: readonly PlacedBlock<Block>[]; readonly end: number } {
  const ofGroup = runs.flatMap(({ count, block }) => new Array<Block>(count).fill(block));
  const placed: PlacedBlock<Block>[] = [];
  let end = start;
  let channel = 0;
  for (const block of Array.from({ length: groups }, () => ofGroup).flat()) {
    placed.push({ block, start: end, channel });
    end += block.bytes;
    channel += block.channels;
  }
  return { placed, end };
}

/** How far apart, in bytes, lie what neighbouring outputs read and the outputs themselves. */
export interface TilePitches {
  readonly columnPitch: number;
  readonly rowPitch: number;
  readonly outputColumnPitch: number;
  readonly outputRowPitch: number;
}

/** Offsets of the pixels of a tile from its first, row by row: of what they read, and of their outputs. */
export function tileOffsets(rows: number, columns: number, pitches: TilePitches) {
  const { columnPitch, rowPitch, outputColumnPitch, outputRowPitch } = pitches;
  const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
  return {
    pointOffsets: pixels.map(([row, column]) => row * rowPitch + column * columnPitch),
    outputOffsets: pixels.map(([row, column]) => row * outputRowPitch + column * outputColumnPitch),
  };
}

/** Sums of a tile, a register for each vector of channels and pixel, from zmm0 on. */
export function accumulatorsOf(vectors: number, pixels: number): VectorRegister[][] {
  return Array.from({ length: vectors }, (_, v) => Array.from({ length: pixels }, (_, p) => zmm(v * pixels + p)));
}
