import { inputError } from "./error.ts";

/** The fields of IHDR (PNG, third edition, section 11.2.1). */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

export interface PngChunks {
  readonly header: PngHeader;
  /** The compressed pixel data of all IDAT chunks. */
  readonly pixelData: Uint8Array;
  /** What they must unpack to: a filter byte and the samples of every row, of every interlacing pass. */
  readonly expectedBytes: number;
  /** The file with only the chunks that pixels depend on. */
  readonly essential: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CHUNK_OVERHEAD = 12; // length, type and checksum
const HEADER_BYTES = 13;
const ESSENTIAL = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** Samples per pixel and the depths allowed, by colour type. */
const COLOUR_TYPES: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
const PALETTE_COLOUR = 3;

/** First column and row, column and row step of the seven passes of Adam7. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Walks the chunks of a PNG file without decoding pixels. Chunks that cannot change them (text, profiles, animation) are
 * left out of `essential`, and with them whatever they would unpack to.
 * @throws DyadError (input) naming `where` for a file whose structure is damaged.
 */
export function readPngChunks(bytes: Uint8Array, where: string): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, SIGNATURE.length)];
  const pixelData: Uint8Array[] = [];
  const seen = new Set<string>();
  let header: PngHeader | undefined;
  let position = SIGNATURE.length;
  while (!seen.has("IEND")) {
    if (position + CHUNK_OVERHEAD > bytes.length) {
      throw inputError(`${where}: the PNG file ends at byte ${bytes.length} without its IEND chunk; it is cut short`);
    }
    const length = view.getUint32(position);
    const next = position + CHUNK_OVERHEAD + length;
    const type = typeOf(bytes.subarray(position));
    if (next > bytes.length) {
      throw inputError(
        `${where}: found a chunk ${JSON.stringify(type)} that ends at byte ${next}, the file has ${bytes.length}`,
      );
    }
    const content = bytes.subarray(position + 8, position + 8 + length);
    if (header === undefined) header = readHeader(type, content, where);
    else if (type === "IHDR") throw inputError(`${where}: found a second IHDR chunk; the file is damaged`);
    if (type === "IDAT") pixelData.push(content);
    if (ESSENTIAL.has(type)) kept.push(bytes.subarray(position, next));
    seen.add(type);
    position = next;
  }
  if (header === undefined || pixelData.length === 0) throw inputError(`${where}: found no pixel data in the PNG file`);
  if (header.colourType === PALETTE_COLOUR && !seen.has("PLTE")) {
    throw inputError(`${where}: found no palette in a PNG file of palette indices; the file is damaged`);
  }
  // A palette in a colour image only suggests colours to displays; the decoder would take it for an index table.
  return {
    header,
    pixelData: concatenate(pixelData),
    expectedBytes: unpackedBytes(header),
    essential: concatenate(
      header.colourType === PALETTE_COLOUR ? kept : kept.filter((chunk) => typeOf(chunk) !== "PLTE"),
    ),
  };
}

function typeOf(chunk: Uint8Array): string {
  return String.fromCharCode(...chunk.subarray(4, 8));
}

function readHeader(type: string, content: Uint8Array, where: string): PngHeader {
  if (type !== "IHDR" || content.length !== HEADER_BYTES) {
    throw inputError(`${where}: found a ${JSON.stringify(type)} chunk of ${content.length} bytes first, expected IHDR`);
  }
  const view = new DataView(content.buffer, content.byteOffset);
  const [depth, colourType, , , interlace] = content.subarray(8);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  if (width === 0 || height === 0) throw inputError(`${where}: found an image of ${height}x${width} pixels`);
  if (!COLOUR_TYPES[colourType]?.depths.includes(depth) || interlace > 1) {
    throw inputError(
      `${where}: found colour type ${colourType} with ${depth} bits and interlacing ${interlace}, which PNG does not define`,
    );
  }
  return { width, height, depth, colourType, isInterlaced: interlace === 1 };
}

function unpackedBytes({ width, height, depth, colourType, isInterlaced }: PngHeader): number {
  const pixelBits = COLOUR_TYPES[colourType].samples * depth;
  const passes = isInterlaced ? ADAM7 : [[0, 0, 1, 1]];
  let bytes = 0;
  for (const [left, top, stepX, stepY] of passes) {
    const columns = Math.ceil((width - left) / stepX);
    const rows = Math.ceil((height - top) / stepY);
    if (columns > 0 && rows > 0) bytes += rows * (1 + Math.ceil(columns * pixelBits / 8));
  }
  return bytes;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
