import { gunzipSync } from "node:zlib";
import { inputError } from "./error.ts";

/**
 * Most bytes that one compressed file may unpack to unless the caller raises it: a few kilobytes can claim to hold
 * gigabytes.
 */
export const UNPACK_LIMIT = 2 ** 30;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks a gzip file of one or more members, its checksums verified.
 * @throws DyadError (input) naming `where` for damaged data, or more than `limit` bytes of content.
 */
export function gunzip(bytes: Uint8Array, where: string, limit: number = UNPACK_LIMIT): Uint8Array {
  const tooLong = `the gzip data unpack to more than ${limit} bytes; if the file is to be trusted, unpack it first`;
  return unpack(() => gunzipSync(bytes, { maxOutputLength: limit }), where, tooLong);
}

/** Runs a node:zlib call; its errors become input errors that name `where`, with `tooLong` for an exceeded length. */
export function unpack(call: () => Uint8Array, where: string, tooLong: string): Uint8Array {
  try {
    const content = call();
    return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  } catch (error) {
    const isTooLong = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    const reason = isTooLong ? tooLong : `the compressed data are damaged: ${(error as Error).message}`;
    throw inputError(`${where}: ${reason}`, { cause: error });
  }
}
