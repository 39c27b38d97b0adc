import type { Window } from "../../lib/tensor/window.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/**
 * The image that the taps of a window read, with its padding written out, channels-last. Positions that no tap reads
 * below the image are left out. Extents in pixels.
 */
export interface BorderedImage {
  readonly rows: number;
  readonly columns: number;
  readonly top: number;
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  /** Input rows it holds, and their width. */
  readonly imageRows: number;
  readonly imageColumns: number;
}

/** Windows that the generators know: at least one output, padding that adds rows and columns rather than cutting them. */
export function isRegular(w: Window): boolean {
  return w.padTop >= 0 && w.padLeft >= 0 && w.outputHeight > 0 && w.outputWidth > 0;
}

/** What the taps of a window read. Without padding that is the input itself, down to the last row that is read. */
export function borderedImage(w: Window): BorderedImage {
  const rows = (w.outputHeight - 1) * w.strideY + (w.kernelHeight - 1) * w.dilationY + 1;
  if (!readsPadding(w)) {
    const imageColumns = w.inputWidth;
    return { rows, columns: imageColumns, top: 0, left: 0, right: 0, bottom: 0, imageRows: rows, imageColumns };
  }
  const lastColumn = (w.outputWidth - 1) * w.strideX + (w.kernelWidth - 1) * w.dilationX + 1;
  const columns = Math.max(lastColumn, w.padLeft + w.inputWidth);
  const top = Math.min(w.padTop, rows);
  const imageRows = Math.min(rows - top, w.inputHeight);
  return {
    rows,
    columns,
    top,
    left: w.padLeft,
    right: columns - w.padLeft - w.inputWidth,
    bottom: rows - top - imageRows,
    imageRows,
    imageColumns: w.inputWidth,
  };
}

/** How elements of the input become elements of the bordered image, 16 input bytes at a time. */
export interface ImageCodec {
  readonly sourceBytes: number;
  readonly targetBytes: number;
  /** Sixteen bytes of the border's value. */
  readonly border: ArrayBufferView;
  /** Converts input bytes 16 * block .. 16 * block + 15 after `from` to where they belong after `to`. */
  emitBlock(f: FunctionBuilder, from: Local, to: Local, block: number): void;
}

/** uint8 to int16. */
export function widenBytes(zeroPoint: number): ImageCodec {
  return {
    sourceBytes: 1,
    targetBytes: 2,
    border: new Int16Array(8).fill(zeroPoint),
    emitBlock: (f, from, to, block) => {
      f.get(to).get(from).memory("v128.load8x8_u", 16 * block).memory("v128.store", 32 * block);
      f.get(to).get(from).memory("v128.load8x8_u", 16 * block + 8).memory("v128.store", 32 * block + 16);
    },
  };
}

/** uint8, copied. */
export function copyBytes(zeroPoint: number): ImageCodec {
  return {
    sourceBytes: 1,
    targetBytes: 1,
    border: new Uint8Array(16).fill(zeroPoint),
    emitBlock: (f, from, to, block) => {
      f.get(to).get(from).memory("v128.load", 16 * block).memory("v128.store", 16 * block);
    },
  };
}

/** uint8 to int8, 128 less. */
export function centerBytes(zeroPoint: number): ImageCodec {
  const signs = new Uint8Array(16).fill(0x80);
  return {
    sourceBytes: 1,
    targetBytes: 1,
    border: new Uint8Array(16).fill(zeroPoint ^ 0x80),
    emitBlock: (f, from, to, block) => {
      f.get(to).get(from).memory("v128.load", 16 * block).v128(signs).op("v128.xor");
      f.memory("v128.store", 16 * block);
    },
  };
}

/** float32, copied; padding reads 0. */
export const COPY_FLOATS: ImageCodec = {
  sourceBytes: 4,
  targetBytes: 4,
  border: new Float32Array(4),
  emitBlock: (f, from, to, block) => {
    f.get(to).get(from).memory("v128.load", 16 * block).memory("v128.store", 16 * block);
  },
};

/** A run of blocks writes at most this much beyond its elements, and a kernel may read this much beyond the image. */
const OVERSHOOT = 64;

/** Bytes of scratch for the image and for what is written beyond its end. */
export function borderedImageBytes(image: BorderedImage, channels: number, codec: ImageCodec): number {
  return image.rows * image.columns * channels * codec.targetBytes + OVERSHOOT;
}

/**
 * Writes the bordered image of `channels` channels to `target`. Strictly upwards, in whole blocks: what a run writes
 * beyond its end is written again by the next one.
 */
export function emitBorderedImage(
  f: FunctionBuilder,
  image: BorderedImage,
  channels: number,
  codec: ImageCodec,
  source: Local,
  target: Local,
): void {
  const { rows, columns, top, left, right, bottom, imageRows, imageColumns } = image;
  const [from, to] = f.locals("i32", 2);
  f.get(source).set(from).get(target).set(to);
  const fill = (pixels: number): void => emitFill(f, codec, to, pixels * channels);
  if (imageRows === 0) return fill(rows * columns);
  if (left + right === 0) {
    fill(top * columns);
    emitConvert(f, codec, from, to, imageRows * imageColumns * channels);
    return fill(bottom * columns);
  }
  fill(top * columns + left);
  f.repeat(imageRows - 1, () => {
    emitConvert(f, codec, from, to, imageColumns * channels);
    fill(right + left);
  });
  emitConvert(f, codec, from, to, imageColumns * channels);
  fill(right + bottom * columns);
}

const UNROLL = 4;

/** Runs `emitBlock(i)` for `blocks` consecutive blocks, `UNROLL` in a loop's body, and moves the pointers to their ends. */
function emitBlocks(
  f: FunctionBuilder,
  blocks: number,
  pointers: readonly { readonly local: Local; readonly perBlock: number; readonly total: number }[],
  emitBlock: (block: number) => void,
): void {
  const loops = Math.floor(blocks / UNROLL);
  f.repeat(loops, () => {
    for (let block = 0; block < UNROLL; block++) emitBlock(block);
    for (const { local, perBlock } of pointers) f.advance(local, UNROLL * perBlock);
  });
  for (let block = 0; block < blocks % UNROLL; block++) emitBlock(block);
  for (const { local, perBlock, total } of pointers) f.advance(local, total - loops * UNROLL * perBlock);
}

function emitFill(f: FunctionBuilder, codec: ImageCodec, to: Local, elements: number): void {
  const total = elements * codec.targetBytes;
  emitBlocks(f, Math.ceil(total / 16), [{ local: to, perBlock: 16, total }], (block) => {
    f.get(to).v128(codec.border).memory("v128.store", 16 * block);
  });
}

function emitConvert(f: FunctionBuilder, codec: ImageCodec, from: Local, to: Local, elements: number): void {
  const { sourceBytes, targetBytes } = codec;
  const pointers = [
    { local: from, perBlock: 16, total: elements * sourceBytes },
    { local: to, perBlock: 16 / sourceBytes * targetBytes, total: elements * targetBytes },
  ];
  emitBlocks(f, Math.ceil(elements * sourceBytes / 16), pointers, (block) => codec.emitBlock(f, from, to, block));
}
