import { crc32, deflateRawSync } from "node:zlib";

export interface ZipFile {
  readonly name: string;
  readonly content: Uint8Array;
  readonly isDeflated?: boolean;
  /** Overrides, to build damaged archives. */
  readonly crc?: number;
  readonly statedBytes?: number;
  readonly method?: number;
  readonly flags?: number;
}

/** A zip archive built by hand: local entries, the central directory, its end, and a comment. */
export function zipBytes(files: readonly ZipFile[], comment = ""): Uint8Array {
  const parts: number[] = [];
  const directory: number[] = [];
  for (const file of files) {
    const name = new TextEncoder().encode(file.name);
    const packed = file.isDeflated ? deflateRawSync(file.content) : file.content;
    const fields = [
      ...u16(20),
      ...u16(file.flags ?? 0),
      ...u16(file.method ?? (file.isDeflated ? 8 : 0)),
      ...u32(0), // time and date
      ...u32(file.crc ?? crc32(file.content)),
      ...u32(packed.length),
      ...u32(file.statedBytes ?? file.content.length),
      ...u16(name.length),
    ];
    const extra = [1, 0, 4, 0, 9, 9, 9, 9]; // of a length that only the local header has, as NumPy writes it
    const entry = [...u32(0x02014b50), ...u16(20), ...fields, ...u16(0), ...u16(0), ...u16(0), ...u16(0), ...u32(0)];
    directory.push(...entry, ...u32(parts.length), ...name);
    parts.push(...u32(0x04034b50), ...fields, ...u16(extra.length), ...name, ...extra, ...packed);
  }
  const counts = [...u16(files.length), ...u16(files.length)];
  const end = [...u32(0x06054b50), ...u32(0), ...counts, ...u32(directory.length), ...u32(parts.length)];
  const text = new TextEncoder().encode(comment);
  return Uint8Array.from([...parts, ...directory, ...end, ...u16(text.length), ...text]);
}

function u16(value: number): number[] {
  return [value & 255, value >> 8 & 255];
}

function u32(value: number): number[] {
  return [...u16(value), ...u16(value >>> 16)];
}
