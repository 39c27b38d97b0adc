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

/** A stream cut into samples of T tokens, in order. */
export interface TokenSamples {
  readonly count: number;
  /** Elements of one sample. */
  readonly size: number;
  /** Tokens that do not fill a last sample. */
  readonly unused: number;
  sample(index: number): Float32Array;
  /** The token after each of the sample's T tokens. */
  targets(index: number): Int32Array;
}

/**
 * A stream as samples for a network that keeps its states itself: `steps` tokens each, ids below `words`.
 * @throws DyadError (input), `where` naming the data, for fewer than steps + 1 tokens and for ids that are not below `words`.
 */
export function tokenSamples(tokens: Int32Array, steps: number, words: number, where: string): TokenSamples {
  const count = Math.floor((tokens.length - 1) / steps);
  if (count === 0) {
    throw inputError(
      `${where}: found ${tokens.length} tokens, expected at least ${steps + 1} for one sample of ${steps}`,
    );
  }
  const stray = tokens.findIndex((token) => token >= words);
  if (stray >= 0) throw inputError(`${where}: token number ${stray} is ${tokens[stray]}, expected 0 to ${words - 1}`);
  return {
    count,
    size: steps,
    unused: tokens.length - 1 - count * steps,
    sample: (index) => Float32Array.from(tokens.subarray(index * steps, (index + 1) * steps)),
    targets: (index) => tokens.slice(index * steps + 1, (index + 1) * steps + 1),
  };
}
