import { inflateSync } from "node:zlib";
import { convertIndexedToRgb, decode, type DecodedPng } from "fast-png";
import { inputError } from "./error.ts";
import { unpack } from "./gzip.ts";
import { type Image, IMAGE_PIXEL_LIMIT } from "./pixels.ts";
import { type PngChunks, readPngChunks } from "./png_chunks.ts";

export { isPng } from "./png_chunks.ts";

/**
 * Decodes a PNG file of any colour type to 8 bits: one channel for grey, three for colour and palettes.
 *
 * - 1, 2 and 4 bits of grey are scaled by 255, 85, 17; 16 bits are rounded to round(v / 257).
 * - Transparency is dropped, not blended: the colour stored under it counts, as in the usual training pipelines
 *   (`convert("RGB")`). `hadAlpha` says so.
 * - Colour profiles, gamma and the frames of an animation after the first are ignored.
 *
 * @throws DyadError (input) naming `where` for damaged files, and for more than `IMAGE_PIXEL_LIMIT` pixels.
 */
export function decodePng(bytes: Uint8Array, where: string): Image {
  const chunks = readPngChunks(bytes, where);
  const { header } = chunks;
  if (header.width * header.height > IMAGE_PIXEL_LIMIT) {
    throw inputError(
      `${where}: found ${header.height}x${header.width} pixels, expected at most ${IMAGE_PIXEL_LIMIT}; scale it down`,
    );
  }
  if (header.isInterlaced && header.depth < 8) {
    throw inputError(`${where}: is interlaced with ${header.depth} bits per sample; save it without interlacing`);
  }
  checkContentLength(chunks, where);
  try {
    return toImage(decode(chunks.essential, { checkCrc: true }));
  } catch (error) {
    throw inputError(`${where}: not a PNG file that can be read: ${(error as Error).message}`, { cause: error });
  }
}

/** The pixel data must unpack to exactly what the header promises: the decoder itself would take any length. */
function checkContentLength({ header, pixelData, expectedBytes }: PngChunks, where: string): void {
  const promise = `the ${expectedBytes} bytes of its ${header.height}x${header.width} pixels`;
  const content = unpack(
    () => inflateSync(pixelData, { maxOutputLength: expectedBytes }),
    where,
    `the pixel data unpack to more than ${promise}; the file is damaged`,
  );
  if (content.length < expectedBytes) {
    throw inputError(`${where}: the pixel data unpack to ${content.length} bytes, expected ${promise}`);
  }
}

function toImage(png: DecodedPng): Image {
  const { width, height, depth } = png;
  if (png.palette !== undefined) {
    const channels = png.palette[0]?.length ?? 3; // 4 where a tRNS chunk gave the entries alpha
    return dropAlpha({ width, height, channels, data: convertIndexedToRgb(png) });
  }
  const data = depth === 16 ? to8Bits(png.data) : depth === 8 ? Uint8Array.from(png.data) : expandGrey(png);
  return dropAlpha({ width, height, channels: png.channels, data, hadAlpha: png.transparency !== undefined });
}

/** round(v * 255 / 65535) = round(v / 257); 257 is odd, so that there are no halves. */
function to8Bits(samples: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(samples, (sample) => Math.floor((sample + 128) / 257));
}

/** Samples of 1, 2 or 4 bits, most significant first, each row on whole bytes. */
function expandGrey({ width, height, depth, data }: DecodedPng): Uint8Array {
  const rowBytes = Math.ceil(width * depth / 8);
  const step = 255 / (2 ** depth - 1);
  const grey = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const shift = 8 - depth - (bit & 7);
      grey[y * width + x] = (data[y * rowBytes + (bit >> 3)] >> shift & (2 ** depth - 1)) * step;
    }
  }
  return grey;
}

/** Two channels are grey and alpha, four are colour and alpha. */
function dropAlpha(image: Image): Image {
  const { width, height, channels, data } = image;
  if (channels !== 2 && channels !== 4) return image;
  const kept = channels - 1;
  const opaque = new Uint8Array(width * height * kept);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < kept; c++) opaque[i * kept + c] = data[i * channels + c];
  }
  return { width, height, channels: kept, data: opaque, hadAlpha: true };
}
