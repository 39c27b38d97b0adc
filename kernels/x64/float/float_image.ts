import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { type BorderedImage, borderedImage } from "../../convolution/bordered_image.ts";
import { borderedBytes, emitBorderedBytes } from "../convolution/bordered_bytes.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, zmm } from "../operands.ts";

/** Lines of a set of the first cache level lie this many bytes apart. */
const SET_PITCH = 4096;
const LINE_BYTES = 64;

/**
 * The float image, channels-last, that the taps of a window read. Pixels that lie a multiple of half a `SET_PITCH` apart
 * share one or two sets of the first cache level, which hold fewer lines than a tile has pixels: a copy of such an image
 * has a line between its pixels. Two sets do not pay for a copy that padding does not ask for anyway.
 */
export interface FloatImage extends BorderedImage {
  /** Bytes of the channels of a pixel, and from one pixel to the next. */
  readonly channelBytes: number;
  readonly pixelBytes: number;
  /** Whether taps read a copy in scratch instead of the input itself. */
  readonly isCopied: boolean;
  readonly scratchBytes: number;
}

export function floatImage({ window: w, inputChannels }: FloatConvolutionProblem): FloatImage {
  const image = borderedImage(w);
  const channelBytes = 4 * inputChannels;
  const setPitch = readsPadding(w) ? SET_PITCH / 2 : SET_PITCH;
  const isSpread = w.outputHeight * w.outputWidth > 1 && (w.strideX * channelBytes) % setPitch === 0;
  const pixelBytes = channelBytes + (isSpread ? LINE_BYTES : 0);
  return {
    ...image,
    channelBytes,
    pixelBytes,
    isCopied: isSpread || readsPadding(w),
    scratchBytes: isSpread
      ? image.rows * image.columns * pixelBytes + LINE_BYTES
      : borderedBytes(w, image, channelBytes),
  };
}

/** Writes the copy to `target`; `border` addresses the border's value. */
export function emitFloatImage(
  f: KernelFunction,
  image: FloatImage,
  border: Pointer,
  source: Pointer,
  target: Pointer,
): void {
  const { columns, top, left, right, bottom, imageRows, imageColumns, channelBytes, pixelBytes } = image;
  if (pixelBytes === channelBytes) return emitBorderedBytes(f, image, channelBytes, border, source, target);
  const [value, line] = [zmm(31), zmm(30)];
  const [from, to] = [f.take(), f.take()];
  const lines = (bytes: number, emitLine: () => void): void => {
    f.repeat(Math.ceil(bytes / LINE_BYTES), () => {
      emitLine();
      f.advance(to, LINE_BYTES);
    });
    f.advance(to, bytes - LINE_BYTES * Math.ceil(bytes / LINE_BYTES));
  };
  const fill = (pixels: number): void => lines(pixels * pixelBytes, () => f.code.emit("vmovdqu64", memory(to), value));
  const copy = (pixels: number): void => {
    f.repeat(pixels, () => {
      lines(channelBytes, () => {
        f.code.emit("vmovdqu64", line, memory(from)).emit("vmovdqu64", memory(to), line);
        f.advance(from, LINE_BYTES);
      });
      f.advance(from, channelBytes - LINE_BYTES * Math.ceil(channelBytes / LINE_BYTES));
      f.advance(to, pixelBytes - channelBytes);
    });
  };
  f.set(from, source).set(to, target);
  f.code.emit("vmovdqu64", value, memory(border));
  fill(top * columns);
  f.repeat(imageRows, () => {
    fill(left);
    copy(imageColumns);
    fill(right);
  });
  fill(bottom * columns);
  f.free(from, to);
}
