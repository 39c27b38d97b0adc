import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { type BorderedImage, borderedImage } from "../../convolution/bordered_image.ts";
import { type DenseSum, denseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import { balancedSplit } from "../../convolution/pixel_tiles.ts";
import { type ChannelBlock, channelBlock, outputBytes } from "../convolution/channel_block.ts";

/** A tile register: rows, and bytes of each (SDM volume 1, section 18.1, palette 1). */
export const TILE_ROWS = 16;
export const TILE_ROW_BYTES = 64;

/** Output channels that a pair of tiles of weights holds. */
export const BLOCK_OUTPUTS = 32;

/**
 * How tiles cover the positions of a band of output rows. Tiles go in pairs, a fixed distance apart: the first tiles of
 * all pairs cover the positions from the front, the second tiles those up to the end. In the middle they may overlap:
 * outputs computed twice are equal, and so all tiles have one size.
 */
export interface TilePairs {
  /** Positions of a tile, neighbours in a row. */
  readonly size: number;
  /** Pairs one below the other, and side by side. */
  readonly down: number;
  readonly across: number;
  /** Rows and columns from the first tile of a pair to the second; undefined where one tile is all. */
  readonly second?: { readonly rows: number; readonly columns: number };
}

/** Covers rows x columns positions: by pairs within a row where it has more than one tile, otherwise by pairs of rows. */
export function tilePairs(rows: number, columns: number): TilePairs {
  if (columns > TILE_ROWS) {
    const across = Math.ceil(columns / (2 * TILE_ROWS));
    const size = Math.ceil(columns / (2 * across));
    return { size, down: rows, across, second: { rows: 0, columns: columns - across * size } };
  }
  if (rows === 1) return { size: columns, down: 1, across: 1 };
  const down = Math.ceil(rows / 2);
  return { size: columns, down, across: 1, second: { rows: rows - down, columns: 0 } };
}

/** `count` bands of `rows` output rows each, and their tiles. */
export interface Band {
  readonly count: number;
  readonly rows: number;
  readonly pairs: TilePairs;
}

/** How a problem is cut. Pitches in bytes. */
export interface TileLayout {
  readonly image: BorderedImage;
  readonly sum: DenseSum;
  /** A run of the sum in `chunks` of `chunkBytes` each, a multiple of 4: what a row of a tile holds. */
  readonly chunks: number;
  readonly chunkBytes: number;
  readonly bands: readonly Band[];
  readonly blocks: readonly { readonly count: number; readonly block: ChannelBlock }[];
  /** From one output position to the next in a row, and one row to the next: in the image, and in the output. */
  readonly columnPitch: number;
  readonly rowPitch: number;
  readonly outputColumnPitch: number;
  readonly outputRowPitch: number;
}

/** vpdpbusd's element order, which tiles share: four neighbours of the sum for each output. */
const ELEMENTS = { elementBytes: 1, elementsPerStep: 4 } as const;

/**
 * The layout of a problem of one group. All blocks of outputs read a band before the next band is begun, so a band's
 * activations and outputs, with the weights of a block, stay within `workingSetBytes` where a row does.
 */
export function tileLayout(problem: AnyConvolutionProblem, workingSetBytes: number): TileLayout {
  const { window: w, inputChannels, outputChannels } = problem;
  const image = borderedImage(w);
  const sum = denseSum(problem, image, ELEMENTS);
  const chunks = Math.ceil(sum.elements / TILE_ROW_BYTES);
  const chunkBytes = 4 * Math.ceil(sum.elements / (4 * chunks));
  const weightRows = sum.rows * sum.runs * chunks * chunkBytes / 4;
  const blocks = outputBlocks(problem, { outputs: BLOCK_OUTPUTS }).map(({ count, channels }) => ({
    count,
    block: channelBlock(channels, weightRows * TILE_ROW_BYTES),
  }));
  const columnPitch = w.strideX * inputChannels;
  const rowPitch = w.strideY * image.columns * inputChannels;
  const outputColumnPitch = outputChannels * outputBytes(problem);
  const outputRowPitch = w.outputWidth * outputColumnPitch;
  // Rows that follow each other like the positions within them are one long row.
  const isOneRow = rowPitch === w.outputWidth * columnPitch;
  const passes = blocks.reduce((passes, { count }) => passes + count, 0);
  const rowsThatFit = Math.floor((workingSetBytes - blocks[0].block.bytes) / (rowPitch + outputRowPitch));
  const bands = balancedSplit(w.outputHeight, passes === 1 ? w.outputHeight : clamp(rowsThatFit, 1, w.outputHeight))
    .map(({ count, size: rows }) => ({
      count,
      rows,
      pairs: isOneRow ? tilePairs(1, rows * w.outputWidth) : tilePairs(rows, w.outputWidth),
    }));
  return {
    image,
    sum,
    chunks,
    chunkBytes,
    bands,
    blocks,
    columnPitch,
    rowPitch,
    outputColumnPitch,
    outputRowPitch,
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Cycles: Intel 64 and IA-32 Architectures Optimization Reference Manual, volume 1, chapter "Intel AMX". */
const PRODUCT = { throughput: 16, latency: 52 } as const;
const LOAD = 8;
const STORE = 16;

/** Products of a byte with a byte in a cycle that the layout should reach; each that a problem needs counts once. */
export function productsPerCycle(problem: AnyConvolutionProblem, layout: TileLayout): number {
  const { sum: { rows, runs, elements }, chunks, bands, blocks } = layout;
  const { outputHeight, outputWidth } = problem.window;
  const tilesPerBlock = bands.map(({ count, pairs: { down, across, second } }) => ({
    pairs: count * down * across,
    tiles: second === undefined ? 1 : 2,
  }));
  let cycles = 0;
  for (const { pairs, tiles } of tilesPerBlock) {
    for (const { count, block } of blocks) {
      const sums = tiles * block.vectors;
      const step = Math.max(PRODUCT.latency, PRODUCT.throughput * sums);
      cycles += pairs * count * (rows * runs * chunks * step + sums * (LOAD + STORE));
    }
  }
  return outputHeight * outputWidth * problem.outputChannels * rows * runs * elements / cycles;
}
