import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { balancedSplit } from "../../convolution/pixel_tiles.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes, writeBorder } from "../convolution/bordered_bytes.ts";
import {
  type ChannelBlock,
  emitBlockMask,
  emitOutputs,
  outputBytes,
  writeBlock,
} from "../convolution/channel_block.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, rax, type TileRegister, tmm, zmm } from "../operands.ts";
import { packWords } from "../convolution/dense.ts";
import { accumulatorsOf } from "../convolution/tile_block.ts";
import { convolutionFunction } from "../sum/summed_channels.ts";
import { CONFIGURATION_BYTES, writeConfiguration } from "./tile_configuration.ts";
import {
  BLOCK_OUTPUTS,
  productsPerCycle,
  TILE_ROW_BYTES,
  TILE_ROWS,
  type TileLayout,
  tileLayout,
  type TilePairs,
} from "./tile_layout.ts";

/** Tile registers: sums by tile of positions and vector of outputs, activations by the former, weights by the latter. */
const SUMS: readonly (readonly TileRegister[])[] = [[tmm(0), tmm(1)], [tmm(2), tmm(3)]];
const ACTIVATIONS: readonly TileRegister[] = [tmm(4), tmm(5)];
const WEIGHTS: readonly TileRegister[] = [tmm(6), tmm(7)];

/** Scratch begins with the sums of a pair of tiles; the bordered image follows. */
const SUM_BYTES = 2 * TILE_ROWS * BLOCK_OUTPUTS * Int32Array.BYTES_PER_ELEMENT;

/** Constants begin with the border's value and a configuration for each kind of band; blocks of outputs follow. */
function headBytes({ bands }: TileLayout): number {
  return BORDER_BYTES + CONFIGURATION_BYTES * bands.length;
}

function pack(problem: AnyConvolutionProblem, layout: TileLayout): Uint8Array {
  const { sum, chunks, chunkBytes, bands, blocks } = layout;
  const head = headBytes(layout);
  const constants = new Uint8Array(head + blocks.reduce((bytes, { count, block }) => bytes + count * block.bytes, 0));
  const view = new DataView(constants.buffer);
  const words = new Int32Array(constants.buffer);
  writeBorder(constants, 0, problem.inputZeroPoint);
  bands.forEach(({ pairs: { size } }, i) => {
    const tiles = [SUMS.flat(), ACTIVATIONS, WEIGHTS];
    const extents = [[size, TILE_ROW_BYTES], [size, chunkBytes], [chunkBytes / 4, TILE_ROW_BYTES]];
    writeConfiguration(
      view,
      BORDER_BYTES + CONFIGURATION_BYTES * i,
      tiles.flatMap((registers, kind) =>
        registers.map((register) => ({ register, rows: extents[kind][0], rowBytes: extents[kind][1] }))
      ),
    );
  });
  const rowsPerRun = chunks * chunkBytes / 4;
  let start = head;
  let channel = 0;
  let weight = 0;
  for (const { count, block } of blocks) {
    const rowBytes = block.vectors * TILE_ROW_BYTES;
    for (let i = 0; i < count; i++) {
      for (let o = 0; o < block.channels; o++) {
        for (let run = 0; run < sum.rows * sum.runs; run++) {
          const first = start + run * rowsPerRun * rowBytes + 4 * o;
          packWords(words, first >> 2, rowBytes >> 2, problem.weights, weight, sum.elements);
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

/** Pointers of the innermost work: the block of outputs, the sums in scratch, and the first position of a pair. */
interface Pointers {
  readonly block: Pointer;
  readonly sums: Pointer;
  readonly x: Pointer;
  readonly out: Pointer;
  /** Registers that hold bytes from row to row of a tile: of activations, and of weights and sums. */
  readonly activationPitch: Pointer;
  readonly vectorPitch: Pointer;
}

/**
 * Implicit matrix product over the channels-last image with its border, by tiles: a row of a tile of activations is a
 * piece of one position's sum, straight from the image. For each band of rows, for each block of outputs, for each pair of
 * tiles of positions: biases, the whole sum, requantization.
 */
function generate(problem: AnyConvolutionProblem, layout: TileLayout): Uint8Array {
  const { window, inputChannels, outputChannels } = problem;
  const { image, bands, blocks, columnPitch, rowPitch, outputColumnPitch, outputRowPitch } = layout;
  const elementBytes = outputBytes(problem);
  const f = convolutionFunction(problem);
  const { constants: block, scratch: sums, output, inputs: [input] } = f;
  let source = input;
  if (readsPadding(window)) {
    source = f.take();
    f.set(source, sums).advance(source, SUM_BYTES);
    emitBorderedBytes(f, image, inputChannels, block, input, source);
    f.free(input);
  }
  f.advance(block, headBytes(layout));
  const [x, out, activationPitch, vectorPitch] = [f.take(), f.take(), f.take(), f.take()];
  const pointers = { block, sums, x, out, activationPitch, vectorPitch };
  f.code.emit("mov", activationPitch, columnPitch);
  bands.forEach(({ count, rows, pairs }, i) => {
    f.code.emit("ldtilecfg", memory(block, CONFIGURATION_BYTES * (i - bands.length)));
    repeatOnStack(f, count, () => {
      for (const { count: blockCount, block: ofBlock } of blocks) {
        emitBlockMask(f, problem, ofBlock);
        f.code.emit("mov", vectorPitch, TILE_ROW_BYTES * ofBlock.vectors);
        repeatOnStack(f, blockCount, () => {
          f.set(x, source).set(out, output);
          f.repeat(pairs.down, () => {
            f.repeat(pairs.across, () => {
              emitPair(f, problem, layout, pairs, ofBlock, pointers);
              f.advance(x, pairs.size * columnPitch).advance(out, pairs.size * outputColumnPitch);
            });
            f.advance(x, rowPitch - pairs.across * pairs.size * columnPitch);
            f.advance(out, outputRowPitch - pairs.across * pairs.size * outputColumnPitch);
          });
          f.advance(block, ofBlock.bytes).advance(output, ofBlock.channels * elementBytes);
        });
      }
      f.advance(block, -blocks.reduce((bytes, { count, block }) => bytes + count * block.bytes, 0));
      f.advance(source, rows * rowPitch).advance(output, rows * outputRowPitch - outputChannels * elementBytes);
    });
  });
  f.code.emit("tilerelease");
  return f.finish();
}

/** Runs `body` `count` times with the counter on the stack: the loops within need all registers. */
function repeatOnStack(f: KernelFunction, count: number, body: () => void): void {
  if (count === 1) return body();
  const start = f.code.label();
  f.code.emit("mov", rax, count).bind(start).emit("push", rax);
  body();
  f.code.emit("pop", rax).emit("sub", rax, 1).emit("jne", start);
}

/** Everything for the outputs of one block at the positions of one pair of tiles. */
function emitPair(
  f: KernelFunction,
  problem: AnyConvolutionProblem,
  layout: TileLayout,
  { size, second }: TilePairs,
  block: ChannelBlock,
  pointers: Pointers,
): void {
  const { columnPitch, rowPitch, outputColumnPitch, outputRowPitch } = layout;
  const tiles = second === undefined ? [{ rows: 0, columns: 0 }] : [{ rows: 0, columns: 0 }, second];
  const sums = tiles.map((_, tile) => SUMS[tile].slice(0, block.vectors));
  const sumPosition = (tile: number, vector: number): number => (tile * size * block.vectors + vector) * TILE_ROW_BYTES;
  sums.flat().forEach((sum, i) => {
    // Without an index all rows are the same: each position's sums begin as the biases.
    f.code.emit("tileloadd", sum, memory(pointers.block, block.bias + TILE_ROW_BYTES * (i % block.vectors)));
  });
  emitSum(f, layout, sums, tiles.map(({ rows, columns }) => rows * rowPitch + columns * columnPitch), pointers);
  sums.forEach((row, tile) =>
    row.forEach((sum, vector) => {
      f.code.emit("tilestored", memory(pointers.sums, sumPosition(tile, vector), pointers.vectorPitch), sum);
    })
  );
  const from = f.take();
  f.set(from, pointers.sums);
  let moved = 0;
  for (const { rows, columns } of tiles) {
    const position = rows * outputRowPitch + columns * outputColumnPitch;
    f.advance(pointers.out, position - moved);
    emitRequantization(f, problem, size, block, pointers, from, outputColumnPitch);
    moved = position + size * outputColumnPitch;
  }
  f.advance(pointers.out, -moved).free(from);
}

/** Steps of a loop's body, as far as they divide a run. */
const UNROLLS = [4, 3, 2];

/** Adds all products of a pair; `offsets` of its tiles from `x`, which is as before in the end. */
function emitSum(
  f: KernelFunction,
  { sum: { rows, runs, runPitch, rowPitch }, chunks, chunkBytes }: TileLayout,
  sums: readonly (readonly TileRegister[])[],
  offsets: readonly number[],
  { block, x, activationPitch, vectorPitch }: Pointers,
): void {
  const vectors = sums[0].length;
  const weightBytes = chunkBytes / 4 * TILE_ROW_BYTES * vectors;
  const step = (index: number): void => {
    sums.forEach((ofTile, tile) => {
      const activations = ACTIVATIONS[tile];
      const position = index * chunkBytes + offsets[tile];
      f.code.emit("tileloadd", activations, memory(x, position, activationPitch));
      ofTile.forEach((sum, vector) => {
        const weights = WEIGHTS[vector];
        const weightPosition = index * weightBytes + TILE_ROW_BYTES * vector;
        if (tile === 0) f.code.emit("tileloadd", weights, memory(block, weightPosition, vectorPitch));
        f.code.emit("tdpbusd", sum, activations, weights);
      });
    });
  };
  const unroll = UNROLLS.find((count) => chunks % count === 0) ?? 1;
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(chunks / unroll, () => {
        for (let index = 0; index < unroll; index++) step(index);
        f.advance(x, unroll * chunkBytes).advance(block, unroll * weightBytes);
      });
      f.advance(x, runPitch - chunks * chunkBytes);
    });
    if (runs > 1) f.advance(x, rowPitch - runs * runPitch);
  });
  f.advance(x, -rows * rowPitch).advance(block, -rows * runs * chunks * weightBytes);
}

/** Positions whose sums are requantized at once: with two vectors of outputs half the registers. */
const REQUANTIZED_POSITIONS = 8;

/** Requantizes the sums of a tile and stores them from `out` on; both pointers end behind what they went over. */
function emitRequantization(
  f: KernelFunction,
  problem: AnyConvolutionProblem,
  size: number,
  block: ChannelBlock,
  { block: base, out }: Pointers,
  from: Pointer,
  outputColumnPitch: number,
): void {
  for (const { count, size: positions } of balancedSplit(size, REQUANTIZED_POSITIONS)) {
    const sums = accumulatorsOf(block.vectors, positions);
    const temporaries = Array.from({ length: 32 - block.vectors * positions }, (_, i) => zmm(31 - i));
    const offsets = Array.from({ length: positions }, (_, position) => position * outputColumnPitch);
    f.repeat(count, () => {
      sums.forEach((row, vector) =>
        row.forEach((sum, position) => {
          f.code.emit("vmovdqu32", sum, memory(from, (position * block.vectors + vector) * TILE_ROW_BYTES));
        })
      );
      emitOutputs(f, problem, sums, temporaries, base, block, out, offsets);
      f.advance(from, positions * block.vectors * TILE_ROW_BYTES).advance(out, positions * outputColumnPitch);
    });
  }
}

export interface TileLimits {
  /** What a band of activations and outputs and a block's weights may fill of the second cache level. */
  readonly workingSetBytes: number;
  /** The least expected speed of problems that the kernel takes, in products of bytes a cycle. */
  readonly productsPerCycle: number;
}

/** Dense convolution by tiles within these limits. */
export function tileConvolution(limits: TileLimits): NativeKernel<AnyConvolutionProblem> {
  const layoutOf = (problem: AnyConvolutionProblem) => tileLayout(problem, limits.workingSetBytes);
  return {
    target: "x64",
    name: `qu8_qs8c_conv_${BLOCK_OUTPUTS}x${2 * TILE_ROWS}__amxint8`,
    kind: "convolution",
    features: ["avx512f", "avx512dq", "avx512bw", "avx512vl", "amx_tile", "amx_int8"],
    supports: (problem) =>
      problem.groups === 1 && isRegular(problem.window) &&
      productsPerCycle(problem, layoutOf(problem)) >= limits.productsPerCycle,
    pack: (problem) => pack(problem, layoutOf(problem)),
    scratchBytes: ({ window, inputChannels }) =>
      SUM_BYTES + borderedBytes(window, borderedImage(window), inputChannels),
    generate: (problem) => generate(problem, layoutOf(problem)),
  };
}

/**
 * Tiles make 1024 products a cycle at best, two vpdpbusd of 512 bits 128: taken is what should be half as fast again. A
 * working set of 1.3 MB was the largest without loss on a second cache level of 2 MB (DESIGN section 6).
 */
export const TILE_CONVOLUTION_KERNELS: readonly NativeKernel<AnyConvolutionProblem>[] = [
  tileConvolution({ workingSetBytes: 1.3e6, productsPerCycle: 192 }),
];
