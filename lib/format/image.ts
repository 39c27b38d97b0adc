import { inputError } from "./error.ts";
import { decodeJpeg, isJpeg } from "./jpeg.ts";
import type { Image } from "./pixels.ts";
import { decodePng, isPng } from "./png.ts";

/** Endings of the file names that are taken for images. */
export const IMAGE_EXTENSIONS = [".png", ".jpg", ".jpeg"] as const;

export function isImageName(name: string): boolean {
  const lower = name.toLowerCase();
  return IMAGE_EXTENSIONS.some((extension) => lower.endsWith(extension));
}

export function isImage(bytes: Uint8Array): boolean {
  return isPng(bytes) || isJpeg(bytes);
}

/**
 * Decodes a PNG or JPEG file, told apart by content.
 * @throws DyadError (input) naming `where`.
 */
export function decodeImage(bytes: Uint8Array, where: string): Image {
  if (isPng(bytes)) return decodePng(bytes, where);
  if (isJpeg(bytes)) return decodeJpeg(bytes, where);
  throw inputError(`${where}: is neither a PNG nor a JPEG file by its first bytes`);
}
