import type { Window } from "../../../lib/tensor/window.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import type { BorderedImage } from "../../convolution/bordered_image.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, zmm } from "../operands.ts";

/** Constants that the copy reads: sixty-four times the border's value. */
export const BORDER_BYTES = 64;

/** What a last block may write beyond the image. */
const OVERSHOOT = 64;

export function writeBorder(constants: Uint8Array, position: number, zeroPoint: number): void {
  constants.fill(zeroPoint, position, position + BORDER_BYTES);
}

/** Bytes of scratch: none where no tap reads padding, since then the input is read in place. */
export function borderedBytes(w: Window, image: BorderedImage, channels: number): number {
  return readsPadding(w) ? image.rows * image.columns * channels + OVERSHOOT : 0;
}

const VALUE = zmm(31);
const BLOCK = zmm(30);
const UNROLL = 4;

/**
 * Writes the uint8 image with its padding to `target`, in blocks of 64 bytes and strictly upwards: what a run writes
 * beyond its end is written again by the next one.
 */
export function emitBorderedBytes(
  f: KernelFunction,
  image: BorderedImage,
  channels: number,
  border: Pointer,
  source: Pointer,
  target: Pointer,
): void {
  const { rows, columns, top, left, right, bottom, imageRows, imageColumns } = image;
  const [from, to] = [f.take(), f.take()];
  f.set(from, source).set(to, target);
  f.code.emit("vmovdqu64", VALUE, memory(border, 0));
  const fill = (pixels: number): void =>
    emitBlocks(f, pixels * channels, [to], (at) => f.code.emit("vmovdqu64", memory(to, at), VALUE));
  const copy = (pixels: number): void =>
    emitBlocks(f, pixels * channels, [from, to], (at) => {
      f.code.emit("vmovdqu64", BLOCK, memory(from, at)).emit("vmovdqu64", memory(to, at), BLOCK);
    });
  if (imageRows === 0) fill(rows * columns);
  else if (left + right === 0) {
    fill(top * columns);
    copy(imageRows * imageColumns);
    fill(bottom * columns);
  } else {
    fill(top * columns + left);
    f.repeat(imageRows - 1, () => {
      copy(imageColumns);
      fill(right + left);
    });
    copy(imageColumns);
    fill(right + bottom * columns);
  }
  f.free(from, to);
}

/** Runs `emitBlock` for the blocks of `bytes`, and moves the pointers to the end. */
function emitBlocks(
  f: KernelFunction,
  bytes: number,
  pointers: readonly Pointer[],
  emitBlock: (offset: number) => void,
): void {
  const blocks = Math.ceil(bytes / 64);
  const loops = Math.floor(blocks / UNROLL);
  f.repeat(loops, () => {
    for (let block = 0; block < UNROLL; block++) emitBlock(64 * block);
    for (const pointer of pointers) f.advance(pointer, 64 * UNROLL);
  });
  for (let block = 0; block < blocks % UNROLL; block++) emitBlock(64 * block);
  for (const pointer of pointers) f.advance(pointer, bytes - 64 * UNROLL * loops);
}
