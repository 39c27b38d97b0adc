import { formatShape } from "../tensor/shape.ts";
import { decodeArray, isArrayFile } from "./array_file.ts";
import type { DataFile } from "./data_file.ts";
import { inputError } from "./error.ts";

/** Above it float32, which holds tokens beside states, is not exact. */
const TOKEN_MAX = 2 ** 24;

/**
 * Token ids as one stream, in order: decimal numbers between white space, or a .npy, .npz or IDX file (or one gzipped) of
 * integers of any shape.
 * @throws DyadError (input) naming the file, and the line or element of what is no token id.
 */
export function readTokens(file: DataFile): Int32Array {
  const tokens = isArrayFile(file.bytes) ? arrayTokens(file) : textTokens(file);
  if (tokens.length === 0) throw inputError(`${file.name}: found no token ids, expected decimal numbers`);
  return tokens;
}

function textTokens({ name, bytes }: DataFile): Int32Array {
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
  return Int32Array.from(lines.flatMap((line, i) =>
    line.split(/\s+/).filter((word) => word !== "").map((word) => {
      const token = /^\d+$/.test(word) ? Number(word) : NaN;
      if (token < TOKEN_MAX) return token;
      const found = JSON.stringify(word.length > 20 ? `${word.slice(0, 20)}…` : word);
      throw inputError(`${name}: line ${i + 1}: found ${found}, expected token ids, whole numbers below ${TOKEN_MAX}`);
    })
  ));
}

function arrayTokens(file: DataFile): Int32Array {
  const { dtype, shape, data } = decodeArray(file).tensor;
  if (dtype === "f32" || dtype === "f64" || dtype === "bool") {
    throw inputError(`${file.name}: found ${formatShape(shape)} elements of ${dtype}, expected integers, token ids`);
  }
  return Int32Array.from(data as ArrayLike<number | bigint>, (element, i) => {
    const token = Number(element);
    if (token >= 0 && token < TOKEN_MAX) return token;
    throw inputError(`${file.name}: element ${i} is ${element}, expected token ids, whole numbers below ${TOKEN_MAX}`);
  });
}
