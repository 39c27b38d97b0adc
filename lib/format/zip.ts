import { crc32, inflateRawSync } from "node:zlib";
import { inputError } from "./error.ts";
import { unpack, UNPACK_LIMIT } from "./gzip.ts";

/** One file inside a zip archive, from its central directory (PKWARE APPNOTE.TXT 6.3.10, section 4.3.12). */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Of its local header. */
  readonly offset: number;
}

const LOCAL_SIGNATURE = 0x04034b50;
const DIRECTORY_SIGNATURE = 0x02014b50;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const ZIP64_MARK = 0xffffffff;

export function isZip(bytes: Uint8Array): boolean {
  if (bytes.length < END_BYTES) return false;
  const signature = viewOf(bytes).getUint32(0, true);
  return signature === LOCAL_SIGNATURE || signature === END_SIGNATURE;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The entries of an archive, in the order of its central directory.
 * @throws DyadError (input) naming `where` for an archive that is cut short, damaged, or in the zip64 form.
 */
export function listZip(bytes: Uint8Array, where: string): ZipEntry[] {
  const view = viewOf(bytes);
  const end = findEnd(view, where);
  const count = view.getUint16(end + 10, true);
  let position = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (position + 46 > end || view.getUint32(position, true) !== DIRECTORY_SIGNATURE) {
      throw inputError(`${where}: entry ${i} of ${count} in the zip directory is damaged at byte ${position}`);
    }
    const nameBytes = view.getUint16(position + 28, true);
    const next = position + 46 + nameBytes + view.getUint16(position + 30, true) + view.getUint16(position + 32, true);
    if (next > end) throw inputError(`${where}: entry ${i} of ${count} in the zip directory is cut short`);
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(position + 46, position + 46 + nameBytes)),
      method: view.getUint16(position + 10, true),
      isEncrypted: (view.getUint16(position + 8, true) & 1) !== 0,
      crc: view.getUint32(position + 16, true),
      packedBytes: view.getUint32(position + 20, true),
      bytes: view.getUint32(position + 24, true),
      offset: view.getUint32(position + 42, true),
    });
    position = next;
  }
  return entries;
}

/** The end record stands last, before a comment of at most 65,535 bytes. */
function findEnd(view: DataView, where: string): number {
  const last = view.byteLength - END_BYTES;
  for (let i = last; i >= Math.max(0, last - MAX_COMMENT_BYTES); i--) {
    if (view.getUint32(i, true) === END_SIGNATURE) return i;
  }
  throw inputError(`${where}: found no end of the zip directory; the file is cut short or not a zip archive`);
}

/**
 * The content of one entry, its checksum verified: a view of `archive` for a stored entry.
 * @throws DyadError (input) naming `where` and the entry for damaged or encrypted data, another compression than
 * deflate, or more than `limit` bytes.
 */
export function extractZip(
  archive: Uint8Array,
  entry: ZipEntry,
  where: string,
  limit: number = UNPACK_LIMIT,
): Uint8Array {
  const place = `${where}: ${entry.name}`;
  if (entry.isEncrypted) throw inputError(`${place}: is encrypted; expected a plain entry`);
  if (entry.bytes === ZIP64_MARK || entry.packedBytes === ZIP64_MARK || entry.offset === ZIP64_MARK) {
    throw inputError(`${place}: is in the zip64 form for entries over 4 GiB, which is not read; save it as .npy`);
  }
  const packed = packedContent(archive, entry, place);
  const content = unpackEntry(packed, entry, place, limit);
  if (content.length !== entry.bytes || crc32(content) !== entry.crc) {
    throw inputError(`${place}: the content does not match its length or checksum; the archive is damaged`);
  }
  return content;
}

function packedContent(archive: Uint8Array, { offset, packedBytes }: ZipEntry, place: string): Uint8Array {
  const view = viewOf(archive);
  if (offset + 30 > archive.length || view.getUint32(offset, true) !== LOCAL_SIGNATURE) {
    throw inputError(`${place}: found no entry at byte ${offset}; the archive is damaged`);
  }
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packedBytes > archive.length) {
    throw inputError(
      `${place}: found an end at byte ${start + packedBytes} in a file of ${archive.length}; it is cut short`,
    );
  }
  return archive.subarray(start, start + packedBytes);
}

function unpackEntry(packed: Uint8Array, { method, bytes }: ZipEntry, place: string, limit: number): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) {
    throw inputError(`${place}: found compression method ${method}, expected 0 (stored) or 8 (deflate)`);
  }
  if (bytes > limit) {
    throw inputError(
      `${place}: unpacks to ${bytes} bytes, more than ${limit}; if it is to be trusted, unpack it first`,
    );
  }
  const tooLong = `unpacks to more than the ${bytes} bytes that the zip directory states; the archive is damaged`;
  return unpack(() => inflateRawSync(packed, { maxOutputLength: Math.max(bytes, 1) }), place, tooLong);
}
