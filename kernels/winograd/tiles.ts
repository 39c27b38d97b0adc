import {
  type BlockLayout,
  type ConstantBlock,
  constantBlockLayout,
  constantBlocks,
} from "../convolution/constant_blocks.ts";
import type { Epilogue } from "../convolution/epilogue.ts";
import { balancedSplit, type Run } from "../convolution/pixel_tiles.ts";
import { type BorderedImage, borderedImage } from "../convolution/bordered_image.ts";
import { type ConvolutionShape, outputBlocks } from "../convolution/dense_layout.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { OUTPUT_EXTENT, PRODUCTS } from "./minimal_filtering.ts";

/** Outputs of a block, and tiles whose products are summed at once. */
export interface ProductTile {
  readonly outputs: number;
  readonly tiles: number;
}

/** Bytes of transformed inputs of one strip: they are read once for each block of outputs. */
const STRIP_BYTES = 2 ** 18;

/** How a convolution is cut: strips of whole rows of tiles, in each blocks of outputs. */
export interface WinogradLayout {
  readonly shape: ConvolutionShape;
  readonly tile: ProductTile;
  readonly image: BorderedImage;
  /** Tiles of a row. */
  readonly columns: number;
  /** Rows of tiles of the strips. */
  readonly strips: readonly Run[];
}

export function winogradLayout(shape: ConvolutionShape, tile: ProductTile): WinogradLayout {
  const { window: w, inputChannels } = shape;
  const columns = Math.ceil(w.outputWidth / OUTPUT_EXTENT);
  const rowBytes = columns * PRODUCTS * 2 * inputChannels;
  const rows = Math.ceil(w.outputHeight / OUTPUT_EXTENT);
  const strips = balancedSplit(rows, Math.max(1, Math.floor(STRIP_BYTES / rowBytes)));
  return { shape, tile, image: borderedImage(w), columns, strips };
}

/** Tiles of the largest strip. */
export function stripTiles({ columns, strips }: WinogradLayout): number {
  return columns * strips[0].size;
}

/** Bytes of the strip's transformed inputs, [36, tiles, channels] int16, and of the sums of a block, [36, tiles, outputs] int32. */
export function stripBytes(layout: WinogradLayout): { readonly inputs: number; readonly sums: number } {
  const products = PRODUCTS * stripTiles(layout);
  return { inputs: products * 2 * layout.shape.inputChannels, sums: products * 4 * layout.tile.outputs };
}

/** A block of outputs in `constants`: weights [36, pairs of channels, vectors of 4 outputs, 4, 2] int16, biases, parameters. */
export function winogradBlock({ inputChannels }: ConvolutionShape, channels: number, epilogue: Epilogue): BlockLayout {
  return constantBlockLayout(channels, PRODUCTS * inputChannels / 2 * 16, epilogue.parameterBytes);
}

export function winogradBlocks({ shape, tile }: WinogradLayout, epilogue: Epilogue): ConstantBlock[] {
  const widths = outputBlocks(shape, tile)
    .flatMap(({ count, channels }) => new Array<number>(count).fill(channels));
  return constantBlocks(widths, (channels) => winogradBlock(shape, channels, epilogue));
}

/**
 * Runs `body` for the tiles of `rows` rows from output row `first` on, with the output row and column that a tile begins
 * at. The last ones are moved back into the image, and compute some outputs a second time.
 */
export function emitTiles(
  f: FunctionBuilder,
  { shape: { window: w }, columns }: WinogradLayout,
  rows: number,
  first: Local,
  body: (row: Local, column: Local) => void,
): void {
  const [y, x, row, column] = f.locals("i32", 4);
  const least = (value: Local, limit: number, target: Local): unknown =>
    f.get(value).i32(limit).get(value).i32(limit).op("i32.lt_s", "select").set(target);
  f.get(first).set(y);
  f.repeat(rows, () => {
    least(y, w.outputHeight - OUTPUT_EXTENT, row);
    f.i32(0).set(x);
    f.repeat(columns, () => {
      least(x, w.outputWidth - OUTPUT_EXTENT, column);
      body(row, column);
      f.advance(x, OUTPUT_EXTENT);
    });
    f.advance(y, OUTPUT_EXTENT);
  });
}
