import jpeg from "jpeg-js";
import { inputError } from "./error.ts";
import { type Image, IMAGE_PIXEL_LIMIT } from "./pixels.ts";

const MAX_MEMORY_MB = 1024;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Decodes a JPEG file (baseline or progressive) to three channels; a grey file gives three equal ones. An orientation
 * tag is not applied. Decoders differ by a step or two per pixel, so that exact comparisons with another tool need PNG.
 * @throws DyadError (input) naming `where` for damaged files and for more than `IMAGE_PIXEL_LIMIT` pixels.
 */
export function decodeJpeg(bytes: Uint8Array, where: string): Image {
  try {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: IMAGE_PIXEL_LIMIT / 1e6,
      maxMemoryUsageInMB: MAX_MEMORY_MB,
    });
    return { width, height, channels: 3, data };
  } catch (error) {
    throw inputError(`${where}: not a JPEG file that can be read: ${(error as Error).message}`, { cause: error });
  }
}
