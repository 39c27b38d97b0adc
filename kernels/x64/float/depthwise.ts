import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { pixelTiles } from "../../convolution/pixel_tiles.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes } from "../convolution/bordered_bytes.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, type VectorRegister, zmm } from "../operands.ts";
import {
  emitFloatBias,
  emitFloatMask,
  emitFloatOutputs,
  type FloatBlock,
  floatBlock,
  LANES,
  VECTOR_BYTES,
  writeFloatBlock,
} from "./float_block.ts";

/** Channels x pixels of one tile. */
const TILE = { channels: LANES, pixels: 12 } as const;

/** A window of at most this many taps is code without a loop. */
const STRAIGHT_TAPS = 25;

function blocksOf({ window: { kernelHeight, kernelWidth }, inputChannels }: FloatConvolutionProblem) {
  return [
    { count: Math.floor(inputChannels / TILE.channels), channels: TILE.channels },
    { count: 1, channels: inputChannels % TILE.channels },
  ].filter(({ count, channels }) => count * channels > 0)
    .map(({ count, channels }) => ({ count, block: floatBlock(channels, kernelHeight * kernelWidth) }));
}

/** The border's value, which is 0, then the blocks of channels. */
function pack(problem: FloatConvolutionProblem): Uint8Array {
  const { window: { kernelHeight, kernelWidth }, weights } = problem;
  const blocks = blocksOf(problem).flatMap(({ count, block }) => new Array<FloatBlock>(count).fill(block));
  const constants = new Uint8Array(BORDER_BYTES + blocks.reduce((bytes, block) => bytes + block.bytes, 0));
  const view = new DataView(constants.buffer);
  const taps = kernelHeight * kernelWidth;
  let start = BORDER_BYTES;
  let channel = 0;
  for (const block of blocks) {
    writeFloatBlock(view, start, block, problem, channel);
    for (let c = 0; c < block.channels; c++) {
      for (let tap = 0; tap < taps; tap++) {
        const position = start + block.weights + tap * VECTOR_BYTES + 4 * c;
        view.setFloat32(position, weights[(channel + c) * taps + tap], true);
      }
    }
    start += block.bytes;
    channel += block.channels;
  }
  return constants;
}

/** Row by row, so that a row's image stays in the first cache level while all blocks of channels read it. */
function generate(problem: FloatConvolutionProblem): Uint8Array {
  const { window: w, inputChannels: channels } = problem;
  const image = borderedImage(w);
  const pixelBytes = 4 * channels;
  const columnPitch = w.strideX * pixelBytes;
  const rowPitch = w.strideY * image.columns * pixelBytes;
  const tiles = pixelTiles(w.outputHeight, w.outputWidth, TILE.pixels);

  const f = new KernelFunction(1);
  const { constants, scratch, output: rowOutput, inputs: [input] } = f;
  const rowSource = readsPadding(w) ? scratch : input;
  if (readsPadding(w)) emitBorderedBytes(f, image, pixelBytes, constants, input, scratch);
  f.free(readsPadding(w) ? input : scratch).advance(constants, BORDER_BYTES);
  const [block, x, out] = [f.take(), f.take(), f.take()];
  for (const { count: rowTiles, size: rows } of tiles.rows) {
    f.repeat(rowTiles, () => {
      f.set(block, constants);
      for (const { count, block: layout } of blocksOf(problem)) {
        emitFloatMask(f, layout);
        f.repeat(count, () => {
          f.set(x, rowSource).set(out, rowOutput);
          for (const { count: columnTiles, size: columns } of tiles.columns) {
            f.repeat(columnTiles, () => {
              const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
              const pointOffsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
              const outputOffsets = pixels.map(([row, column]) => (row * w.outputWidth + column) * pixelBytes);
              const accumulators = pixels.map((_, pixel) => zmm(pixel));
              emitFloatBias(f, [accumulators], block);
              emitSum(f, problem, accumulators, block, layout, x, image.columns, pointOffsets);
              emitFloatOutputs(f, [accumulators], TEMPORARIES, block, layout, out, outputOffsets);
              f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
            });
          }
          f.advance(block, layout.bytes);
          f.advance(rowSource, 4 * layout.channels).advance(rowOutput, 4 * layout.channels);
        });
      }
      f.advance(rowSource, rows * rowPitch - pixelBytes);
      f.advance(rowOutput, (rows * w.outputWidth - 1) * pixelBytes);
    });
  }
  return f.finish();
}

/** Registers beside the accumulators, which are the first `TILE.pixels`. */
const WEIGHTS = zmm(29);
const TEMPORARIES = [zmm(30), zmm(31)] as const;

/** Adds all taps of a tile: product and sum are rounded one after the other. */
function emitSum(
  f: KernelFunction,
  { window: w, inputChannels: channels }: FloatConvolutionProblem,
  accumulators: readonly VectorRegister[],
  block: Pointer,
  layout: FloatBlock,
  x: Pointer,
  imageColumns: number,
  pointOffsets: readonly number[],
): void {
  const rowPitch = 4 * w.dilationY * imageColumns * channels;
  const [product] = TEMPORARIES;
  const row = (weights: Pointer, weightOffset: number, a: Pointer, offset: number): void => {
    for (let s = 0; s < w.kernelWidth; s++) {
      f.code.emit("vmovdqu32", WEIGHTS, memory(weights, weightOffset + s * VECTOR_BYTES));
      pointOffsets.forEach((pointOffset, point) => {
        const activation = memory(a, pointOffset + offset + 4 * s * w.dilationX * channels);
        f.code.emit("vmulps", product, WEIGHTS, activation);
        f.code.emit("vaddps", accumulators[point], accumulators[point], product);
      });
    }
  };
  if (w.kernelHeight * w.kernelWidth <= STRAIGHT_TAPS) {
    for (let r = 0; r < w.kernelHeight; r++) {
      row(block, layout.weights + r * w.kernelWidth * VECTOR_BYTES, x, r * rowPitch);
    }
    return;
  }
  const [weights, a] = [f.take(), f.take()];
  f.set(weights, block).advance(weights, layout.weights).set(a, x);
  f.repeat(w.kernelHeight, () => {
    row(weights, 0, a, 0);
    f.advance(weights, w.kernelWidth * VECTOR_BYTES).advance(a, rowPitch);
  });
  f.free(weights, a);
}

/** Convolutions of float32 with one input channel for each output channel: the bits of the reference. */
export const FLOAT_DEPTHWISE_KERNELS: readonly NativeKernel<FloatConvolutionProblem>[] = [{
  target: "x64",
  name: `f32_f32_dwconv_${TILE.channels}x${TILE.pixels}__avx512`,
  kind: "float_convolution",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack,
  scratchBytes: ({ window, inputChannels }) => borderedBytes(window, borderedImage(window), 4 * inputChannels),
  generate,
}];
