import type { Tensor } from "../tensor/tensor.ts";
import type { DataFile } from "./data_file.ts";
import { inputError } from "./error.ts";
import { gunzip, isGzip } from "./gzip.ts";
import { decodeIdx, isIdx } from "./idx.ts";
import { decodeNpy, isNpy } from "./npy.ts";
import { decodeNpz } from "./npz.ts";
import { isZip } from "./zip.ts";

export type ArrayForm = "npy" | "npz" | "idx";

/** Whether the first bytes are those of a .npy, .npz, IDX or gzip file. */
export function isArrayFile(bytes: Uint8Array): boolean {
  return isGzip(bytes) || formOf(bytes) !== undefined;
}

function formOf(bytes: Uint8Array): ArrayForm | undefined {
  return isNpy(bytes) ? "npy" : isZip(bytes) ? "npz" : isIdx(bytes) ? "idx" : undefined;
}

/**
 * The array of a .npy, .npz or IDX file, told apart by content, any of them gzipped.
 * @throws DyadError (input) naming the file.
 */
export function decodeArray({ name, bytes, key, unpackLimit }: DataFile): { form: ArrayForm; tensor: Tensor } {
  const content = isGzip(bytes) ? gunzip(bytes, name, unpackLimit) : bytes;
  const form = formOf(content);
  if (key !== undefined && form !== "npz") {
    throw inputError(`${name}: found the key ${JSON.stringify(key)} for a file that is not .npz; leave the key out`);
  }
  switch (form) {
    case "npy":
      return { form, tensor: decodeNpy(content, name) };
    case "npz":
      return { form, tensor: decodeNpz(content, name, key, unpackLimit).tensor };
    case "idx":
      return { form, tensor: decodeIdx(content, name) };
    case undefined:
      throw inputError(`${name}: is not a .npy, .npz or IDX file by its first bytes`);
  }
}
