import type { Window } from "../../lib/tensor/window.ts";
import type { NameOf } from "../wasm/opcodes.ts";
import type { BorderedImage } from "./bordered_image.ts";
import { type BlockLayout, constantBlockLayout } from "./constant_blocks.ts";
import type { Epilogue } from "./epilogue.ts";
import type { Segments } from "./segments.ts";

/** What a convolution of either arithmetic is made of. */
export interface ConvolutionShape {
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
}

/**
 * Outputs of a whole tile, and how many accumulators of 4 outputs a tile may have. With the weights of one step, an
 * activation and a product they should fit fifteen registers: SSE and AVX have sixteen, and engines keep one.
 */
export interface DenseTile {
  readonly outputs: number;
  readonly accumulators: number;
}

/** Pixels of a tile of `channels` outputs. */
export function tilePixels(tile: DenseTile, channels: number): number {
  return Math.floor(tile.accumulators / Math.ceil(channels / 4));
}

/**
 * The arithmetic of one step. A step reads 4 bytes of activations, `elementsPerStep` consecutive elements of the sum, for
 * each pixel, and the weights of those elements for each vector of 4 outputs:
 *
 *     accumulator[o] = add(accumulator[o], multiply(weights[o], activation))
 */
export interface DenseArithmetic {
  readonly elementBytes: number;
  readonly elementsPerStep: number;
  readonly loadWeights: NameOf<"memory">;
  /** Bytes in `constants` of one weight vector: elementsPerStep weights for each of 4 outputs. */
  readonly weightVectorBytes: number;
  readonly multiply: NameOf<"none">;
  readonly add: NameOf<"none">;
  /** Writes one weight. */
  setWeight(view: DataView, position: number, weight: number): void;
}

/** The sum over taps and input channels as `rows` x `runs` runs of `elements` consecutive elements in memory. */
export interface DenseSum {
  readonly rows: number;
  readonly runs: number;
  readonly elements: number;
  readonly steps: number;
  /** Bytes from one run to the next within a row (a row of one run: to the next row), and from one row to the next. */
  readonly runPitch: number;
  readonly rowPitch: number;
}

/**
 * Taps that are neighbours in memory make one run: a row of taps where nothing lies between them (one group, no
 * dilation), and all rows where the kernel is as wide as the image.
 */
export function denseSum(
  shape: ConvolutionShape,
  image: BorderedImage,
  arithmetic: Pick<DenseArithmetic, "elementBytes" | "elementsPerStep">,
): DenseSum {
  const { window: w, inputChannels, groups } = shape;
  const pixelBytes = inputChannels * arithmetic.elementBytes;
  const rowPitch = w.dilationY * image.columns * pixelBytes;
  const adjacent = groups === 1 && (w.dilationX === 1 || w.kernelWidth === 1);
  const contiguous = adjacent && image.columns === w.kernelWidth && w.dilationY === 1;
  const taps = contiguous ? w.kernelHeight * w.kernelWidth : adjacent ? w.kernelWidth : 1;
  const elements = taps * (inputChannels / groups);
  const rows = contiguous ? 1 : w.kernelHeight;
  const runs = adjacent ? 1 : w.kernelWidth;
  const runPitch = runs === 1 ? rowPitch : w.dilationX * pixelBytes;
  return { rows, runs, elements, steps: Math.ceil(elements / arithmetic.elementsPerStep), runPitch, rowPitch };
}

/** Outputs of one group as blocks of the tile's width; the last block may be narrower. */
export function outputBlocks(
  shape: ConvolutionShape,
  tile: Pick<DenseTile, "outputs">,
): { count: number; channels: number }[] {
  const channels = shape.outputChannels / shape.groups;
  const whole = { count: Math.floor(channels / tile.outputs), channels: tile.outputs };
  const rest = { count: 1, channels: channels % tile.outputs };
  return [whole, rest].filter((block) => block.count > 0 && block.channels > 0);
}

/** The layout in `constants` of a block of `channels` outputs. */
export function blockLayout(
  { rows, runs, steps }: DenseSum,
  channels: number,
  { weightVectorBytes }: DenseArithmetic,
  parameterBytes: number,
): BlockLayout {
  return constantBlockLayout(channels, rows * runs * steps * weightVectorBytes, parameterBytes);
}

/** Sums of products of bytes, one of 7 bits, the other signed. */
export interface ByteSums {
  readonly segments: Segments;
  readonly sevenBits: "activations" | "weights";
}

export interface DenseGenerator {
  readonly shape: ConvolutionShape;
  readonly image: BorderedImage;
  readonly tile: DenseTile;
  readonly arithmetic: DenseArithmetic;
  readonly epilogue: Epilogue;
  /** Present where sums are those of bytes, int16 within segments; `arithmetic` then says how weights lie. */
  readonly bytes?: ByteSums;
}
