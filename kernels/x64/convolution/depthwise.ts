import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { pixelTiles } from "../../convolution/pixel_tiles.ts";
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

/** Channels x pixels of one tile. */
const TILE = { channels: 16, pixels: 12 } as const;

/** A window of at most this many taps is code without a loop. */
const STRAIGHT_TAPS = 25;

/** A tap's weights of 16 channels: int16 pairs (weight, 0), to be multiplied with activations widened to 32 bits. */
const TAP_BYTES = 64;

function blocksOf({ window: { kernelHeight, kernelWidth }, inputChannels }: AnyConvolutionProblem) {
  return [
    { count: Math.floor(inputChannels / TILE.channels), channels: TILE.channels },
    { count: 1, channels: inputChannels % TILE.channels },
  ].filter(({ count, channels }) => count * channels > 0)
    .map(({ count, channels }) => ({ count, block: channelBlock(channels, kernelHeight * kernelWidth * TAP_BYTES) }));
}

/** The border's value, then the blocks of channels. */
function pack(problem: AnyConvolutionProblem): Uint8Array {
  const { window: { kernelHeight, kernelWidth }, weights, inputZeroPoint } = problem;
  const blocks = blocksOf(problem).flatMap(({ count, block }) => new Array<ChannelBlock>(count).fill(block));
  const constants = new Uint8Array(BORDER_BYTES + blocks.reduce((bytes, block) => bytes + block.bytes, 0));
  const view = new DataView(constants.buffer);
  const taps = kernelHeight * kernelWidth;
  writeBorder(constants, 0, inputZeroPoint);
  let start = BORDER_BYTES;
  let channel = 0;
  for (const block of blocks) {
    for (let c = 0; c < block.channels; c++) {
      for (let tap = 0; tap < taps; tap++) {
        view.setInt16(start + tap * TAP_BYTES + 4 * c, weights[(channel + c) * taps + tap], true);
      }
    }
    writeBlock(view, start, block, problem, channel);
    start += block.bytes;
    channel += block.channels;
  }
  return constants;
}

/** Row by row, so that a row's image stays in the first cache level while all blocks of channels read it. */
function generate(problem: AnyConvolutionProblem): Uint8Array {
  const { window: w, inputChannels: channels } = problem;
  const image = borderedImage(w);
  const columnPitch = w.strideX * channels;
  const rowPitch = w.strideY * image.columns * channels;
  const elementBytes = outputBytes(problem);
  const pixelBytes = channels * elementBytes;
  const tiles = pixelTiles(w.outputHeight, w.outputWidth, TILE.pixels);

  const f = convolutionFunction(problem);
  const { constants, scratch, output: rowOutput, inputs: [input] } = f;
  const rowSource = readsPadding(w) ? scratch : input;
  if (readsPadding(w)) emitBorderedBytes(f, image, channels, constants, input, scratch);
  f.free(readsPadding(w) ? input : scratch).advance(constants, BORDER_BYTES);
  const [block, x, out] = [f.take(), f.take(), f.take()];
  for (const { count: rowTiles, size: rows } of tiles.rows) {
    f.repeat(rowTiles, () => {
      f.set(block, constants);
      for (const { count, block: layout } of blocksOf(problem)) {
        emitBlockMask(f, layout);
        f.repeat(count, () => {
          f.set(x, rowSource).set(out, rowOutput);
          for (const { count: columnTiles, size: columns } of tiles.columns) {
            f.repeat(columnTiles, () => {
              const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
              const pointOffsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
              const outputOffsets = pixels.map(([row, column]) => (row * w.outputWidth + column) * pixelBytes);
              const accumulators = accumulatorsOf(1, pixels.length);
              emitBias(f, accumulators, block, layout);
              emitSum(f, problem, accumulators[0], block, x, image.columns, pointOffsets);
              emitOutputs(f, problem, accumulators, TEMPORARIES, block, layout, out, outputOffsets);
              f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
            });
          }
          f.advance(block, layout.bytes);
          f.advance(rowSource, layout.channels).advance(rowOutput, layout.channels * elementBytes);
        });
      }
      f.advance(rowSource, rows * rowPitch - channels);
      f.advance(rowOutput, rows * w.outputWidth * pixelBytes - pixelBytes);
    });
  }
  return f.finish();
}

/** Registers beside the accumulators, which are the first `TILE.pixels`. */
const TEMPORARIES = Array.from({ length: 8 }, (_, i) => zmm(24 + i));
const WEIGHTS = zmm(23);

/** Adds all taps of a tile. */
function emitSum(
  f: KernelFunction,
  { window: w, inputChannels: channels }: AnyConvolutionProblem,
  accumulators: readonly VectorRegister[],
  block: Pointer,
  x: Pointer,
  imageColumns: number,
  pointOffsets: readonly number[],
): void {
  const rowPitch = w.dilationY * imageColumns * channels;
  let next = 0;
  const row = (weights: Pointer, weightOffset: number, a: Pointer, offset: number): void => {
    for (let s = 0; s < w.kernelWidth; s++) {
      f.code.emit("vmovdqu32", WEIGHTS, memory(weights, weightOffset + s * TAP_BYTES));
      pointOffsets.forEach((pointOffset, point) => {
        const activation = TEMPORARIES[next++ % TEMPORARIES.length];
        f.code.emit("vpmovzxbd", activation, memory(a, pointOffset + offset + s * w.dilationX * channels));
        f.code.emit("vpdpwssd", accumulators[point], activation, WEIGHTS);
      });
    }
  };
  if (w.kernelHeight * w.kernelWidth <= STRAIGHT_TAPS) {
    for (let r = 0; r < w.kernelHeight; r++) row(block, r * w.kernelWidth * TAP_BYTES, x, r * rowPitch);
    return;
  }
  const [weights, a] = [f.take(), f.take()];
  f.set(weights, block).set(a, x);
  f.repeat(w.kernelHeight, () => {
    row(weights, 0, a, 0);
    f.advance(weights, w.kernelWidth * TAP_BYTES).advance(a, rowPitch);
  });
  f.free(weights, a);
}

/** Convolutions of uint8 activations and int8 weights with one input channel for each output channel. */
export const DEPTHWISE_KERNELS: readonly NativeKernel<AnyConvolutionProblem>[] = [{
  target: "x64",
  name: `qu8_qs8c_dwconv_${TILE.channels}x${TILE.pixels}__avx512vnni`,
  kind: "convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack,
  scratchBytes: ({ window, inputChannels }) => borderedBytes(window, borderedImage(window), inputChannels),
  generate,
}];
