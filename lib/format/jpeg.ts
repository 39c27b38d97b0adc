import jpeg from "jpeg-js";
import { inputError } from "./error.ts";
import { type Image, IMAGE_PIXEL_LIMIT } from "./pixels.ts";

const MAX_MEMORY_MB = 1024;

/**
 * Most pixels that one byte of a whole JPEG file can stand for: each block of 8x8 samples takes at least one bit (its DC
 * code), and the component sampled most finely one way may be sampled 4 times more coarsely the other way.
 */
const MAX_PIXELS_PER_BYTE = 8 * 64 * 4;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a JPEG file (baseline or progressive) to three channels; a grey file gives three equal ones. An orientation
 * tag is not applied. Decoders differ by a step or two per pixel, so that exact comparisons with another tool need PNG.
 * @throws DyadError (input) naming `where` for damaged files, for more than `IMAGE_PIXEL_LIMIT` pixels, and for more
 * than the file can hold.
 */
export function decodeJpeg(bytes: Uint8Array, where: string): Image {
  const pixelLimit = Math.min(IMAGE_PIXEL_LIMIT, bytes.length * MAX_PIXELS_PER_BYTE);
  try {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: pixelLimit / 1e6,
      maxMemoryUsageInMB: MAX_MEMORY_MB,
    });
    return { width, height, channels: 3, data };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.startsWith("maxResolutionInMP")
      ? `it claims more pixels than the ${pixelLimit} that ${bytes.length} bytes may hold`
      : message;
    throw inputError(`${where}: not a JPEG file that can be read: ${reason}`, { cause: error });
  }
}
