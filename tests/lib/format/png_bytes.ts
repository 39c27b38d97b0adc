import { crc32, deflateSync } from "node:zlib";

export interface PngSource {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly interlace?: number;
  /** Filter bytes and samples, before compression. */
  readonly rows: Uint8Array;
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
  /** Chunks between IHDR and IDAT. */
  readonly extra?: readonly [type: string, content: Uint8Array][];
}

/** A PNG file built by hand. */
export function pngBytes(source: PngSource): Uint8Array {
  const { width, height, depth, colourType, interlace = 0, rows, palette, transparency, extra = [] } = source;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colourType, 0, 0, interlace], 8);
  const chunks: [string, Uint8Array][] = [["IHDR", header], ...extra];
  if (palette !== undefined) chunks.push(["PLTE", Uint8Array.from(palette)]);
  if (transparency !== undefined) chunks.push(["tRNS", Uint8Array.from(transparency)]);
  chunks.push(["IDAT", Uint8Array.from(deflateSync(rows))], ["IEND", new Uint8Array(0)]);
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return Uint8Array.from([...signature, ...chunks.flatMap(([type, content]) => [...chunk(type, content)])]);
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** An 8-bit grey image of `height` x `width`, or a colour one of 3 channels, from its pixels (H, W, C). */
export function plainPng(height: number, width: number, channels: 1 | 3, pixels: Uint8Array): Uint8Array {
  const rowBytes = width * channels;
  const rows = new Uint8Array(height * (1 + rowBytes));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * rowBytes, (y + 1) * rowBytes), y * (1 + rowBytes) + 1);
  return pngBytes({ width, height, depth: 8, colourType: channels === 1 ? 0 : 2, rows });
}
