import type { Tensor } from "../tensor/tensor.ts";
import { inputError } from "./error.ts";
import { UNPACK_LIMIT } from "./gzip.ts";
import { decodeNpy } from "./npy.ts";
import { extractZip, listZip } from "./zip.ts";

const SUFFIX = ".npy";

/**
 * One array of a .npz file: the one named `key`, or the first. Only that one is unpacked.
 * @throws DyadError (input) naming `where` for an archive without arrays, an unknown key (with the keys that there are),
 * damaged data, or more than `limit` bytes.
 */
export function decodeNpz(
  bytes: Uint8Array,
  where: string,
  key?: string,
  limit: number = UNPACK_LIMIT,
): { key: string; tensor: Tensor } {
  const entries = listZip(bytes, where).filter((entry) => entry.name.endsWith(SUFFIX));
  const keys = entries.map((entry) => entry.name.slice(0, -SUFFIX.length));
  if (entries.length === 0) throw inputError(`${where}: found a zip archive without .npy arrays, expected a .npz file`);
  const index = key === undefined ? 0 : keys.indexOf(key);
  if (index < 0) {
    const known = keys.slice(0, 20).join(", ");
    throw inputError(`${where}: found no array ${JSON.stringify(key)}, expected one of ${known}`);
  }
  const content = extractZip(bytes, entries[index], where, limit);
  return { key: keys[index], tensor: decodeNpy(content, `${where}:${keys[index]}`) };
}
