import type { Window } from "../../lib/tensor/window.ts";
import type { BorderedImage } from "../convolution/bordered_image.ts";
import { type BlockLayout, constantBlockLayout } from "../convolution/constant_blocks.ts";
import type { Epilogue } from "../convolution/epilogue.ts";
import { pixelTiles } from "../convolution/pixel_tiles.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/**
 * The arithmetic of one step: `tapsPerStep` taps of each channel of a tile. A vector of weights in `constants` has 16
 * bytes, the step's weights of 4 channels.
 */
export interface DepthwiseArithmetic {
  readonly elementBytes: number;
  readonly tapsPerStep: number;
  /** Writes one weight, one of `tapsPerStep` that share the 4 bytes of a channel. */
  setWeight(view: DataView, position: number, weight: number): void;
  /** accumulators[v] += weights[v] * elements at source + offsets[tap], for vectors of 4 channels; fewer taps at the end. */
  emitStep(
    f: FunctionBuilder,
    accumulators: readonly Local[],
    weights: readonly Local[],
    source: Local,
    offsets: readonly number[],
  ): void;
}

export interface DepthwiseGenerator {
  readonly window: Window;
  readonly channels: number;
  readonly image: BorderedImage;
  readonly arithmetic: DepthwiseArithmetic;
  readonly epilogue: Epilogue;
}

/** Channels x pixels of one tile. */
export const DEPTHWISE_TILE = { channels: 8, pixels: 4 } as const;

/** A window of at most this many taps is code without a loop. */
const STRAIGHT_TAPS = 25;

/** The taps as `rows` equal passes of steps, each step the taps it reads: all of them, or one kernel row a pass. */
export interface DepthwiseSum {
  readonly rows: number;
  readonly rowPitch: number;
  /** Per step of a pass: number of each tap within the pass, and its byte offset from the pass's first. */
  readonly steps: readonly (readonly { readonly tap: number; readonly offset: number }[])[];
}

export function depthwiseSum({ window: w, channels, image, arithmetic }: DepthwiseGenerator): DepthwiseSum {
  const pixel = channels * arithmetic.elementBytes;
  const rowPitch = w.dilationY * image.columns * pixel;
  const straight = w.kernelHeight * w.kernelWidth <= STRAIGHT_TAPS;
  const rowsPerPass = straight ? w.kernelHeight : 1;
  const taps = Array.from({ length: rowsPerPass * w.kernelWidth }, (_, tap) => ({
    tap,
    offset: Math.floor(tap / w.kernelWidth) * rowPitch + (tap % w.kernelWidth) * w.dilationX * pixel,
  }));
  const count = Math.ceil(taps.length / arithmetic.tapsPerStep);
  const steps = Array.from(
    { length: count },
    (_, i) => taps.slice(i * arithmetic.tapsPerStep, (i + 1) * arithmetic.tapsPerStep),
  );
  return { rows: w.kernelHeight / rowsPerPass, rowPitch, steps };
}

export function channelBlocks(channels: number): { count: number; channels: number }[] {
  const { channels: width } = DEPTHWISE_TILE;
  return [{ count: Math.floor(channels / width), channels: width }, { count: 1, channels: channels % width }]
    .filter((block) => block.count > 0 && block.channels > 0);
}

/** The layout in `constants` of a block of channels. */
export function blockLayout({ rows, steps }: DepthwiseSum, channels: number, parameterBytes: number): BlockLayout {
  return constantBlockLayout(channels, rows * steps.length * 16, parameterBytes);
}

/**
 * Row by row, so that a row's image stays in the first cache level while all its channel blocks read it; then block by
 * block, then tile by tile along the row.
 */
export function emitDepthwise(
  f: FunctionBuilder,
  generator: DepthwiseGenerator,
  constants: Local,
  source: Local,
  output: Local,
): void {
  const { window: w, channels, image, arithmetic, epilogue } = generator;
  const sum = depthwiseSum(generator);
  const columnPitch = w.strideX * channels * arithmetic.elementBytes;
  const rowPitch = w.strideY * image.columns * channels * arithmetic.elementBytes;
  const pixelBytes = channels * epilogue.outputBytes;
  const tiles = pixelTiles(w.outputHeight, w.outputWidth, DEPTHWISE_TILE.pixels);

  const [block, rowSource, rowOutput, x, out] = f.locals("i32", 5);
  f.get(source).set(rowSource).get(output).set(rowOutput);
  for (const { count: rowTiles, size: rows } of tiles.rows) {
    f.repeat(rowTiles, () => {
      f.get(constants).set(block);
      for (const { count, channels: blockChannels } of channelBlocks(channels)) {
        const layout = blockLayout(sum, blockChannels, epilogue.parameterBytes);
        f.repeat(count, () => {
          f.get(rowSource).set(x).get(rowOutput).set(out);
          for (const { count: columnTiles, size: columns } of tiles.columns) {
            f.repeat(columnTiles, () => {
              const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
              const offsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
              const accumulators = emitSum(f, sum, arithmetic, block, layout, x, offsets);
              epilogue.emit(f, {
                accumulators,
                channels: blockChannels,
                parameters: { base: block, offset: layout.parameters },
                output: out,
                outputOffsets: pixels.map(([row, column]) => (row * w.outputWidth + column) * pixelBytes),
              });
              f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
            });
          }
          f.advance(block, layout.bytes);
          f.advance(rowSource, blockChannels * arithmetic.elementBytes);
          f.advance(rowOutput, blockChannels * epilogue.outputBytes);
        });
      }
      f.advance(rowSource, rows * rowPitch - channels * arithmetic.elementBytes);
      f.advance(rowOutput, rows * w.outputWidth * pixelBytes - pixelBytes);
    });
  }
}

/** Emits bias plus the whole sum of one tile; the accumulators are [vector][pixel]. */
function emitSum(
  f: FunctionBuilder,
  sum: DepthwiseSum,
  arithmetic: DepthwiseArithmetic,
  block: Local,
  { vectors, bias }: { vectors: number; bias: number },
  x: Local,
  pixelOffsets: readonly number[],
): Local[][] {
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pixelOffsets.length));
  accumulators.forEach((row, v) => {
    f.get(block).memory("v128.load", bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  const weights = f.locals("v128", vectors);
  const pass = (w: Local, a: Local): void =>
    sum.steps.forEach((taps, step) => {
      weights.forEach((vector, v) => f.get(w).memory("v128.load", 16 * (step * vectors + v)).set(vector));
      pixelOffsets.forEach((pixelOffset, pixel) => {
        const offsets = taps.map(({ offset }) => pixelOffset + offset);
        arithmetic.emitStep(f, accumulators.map((row) => row[pixel]), weights, a, offsets);
      });
    });
  if (sum.rows === 1) {
    pass(block, x);
    return accumulators;
  }
  const [w, a] = f.locals("i32", 2);
  f.get(block).set(w).get(x).set(a);
  f.repeat(sum.rows, () => {
    pass(w, a);
    f.advance(w, sum.steps.length * vectors * 16).advance(a, sum.rowPitch);
  });
  return accumulators;
}
