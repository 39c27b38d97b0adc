import type { TypedArray } from "./dtype.ts";

/**
 * Each of `matrices` of rows x columns, row by row in `source`, becomes column by column in `target`, which is another
 * array of the same type.
 */
export function transpose(
  source: TypedArray,
  target: TypedArray,
  matrices: number,
  rows: number,
  columns: number,
): void {
  const size = rows * columns;
  const isOfPixels = source.BYTES_PER_ELEMENT === 1 && rows === 3 && columns % 4 === 0 &&
    source.byteOffset % 4 === 0 && target.byteOffset % 4 === 0;
  for (let matrix = 0; matrix < matrices * size; matrix += size) {
    const [from, to] = [source.subarray(matrix, matrix + size), target.subarray(matrix, matrix + size)];
    if (isOfPixels) transposeRowsOfThreeBytes(wordsOf(from), wordsOf(to));
    // Elements are only moved, and a loop over one type of array is twice as fast as one over several.
    else if (source.BYTES_PER_ELEMENT === 4) transposeElements(wordsOf(from), wordsOf(to), rows, columns);
    else transposeElements(from as Uint8Array, to as Uint8Array, rows, columns); // one loop for all other types
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: TypedArray): Int32Array {
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** Columns that are moved together: what they become stays in the first cache level. */
const COLUMNS = 256;

function transposeElements<A extends Uint8Array | Int32Array>(
  source: A,
  target: A,
  rows: number,
  columns: number,
): void {
  for (let first = 0; first < columns; first += COLUMNS) {
    const count = Math.min(columns - first, COLUMNS);
    for (let row = 0; row < rows; row++) {
      let at = first * rows + row;
      const start = row * columns + first;
      for (let i = start; i < start + count; i++) {
        target[at] = source[i];
        at += rows;
      }
    }
  }
}

/** The bytes of three rows, four columns at a time: little-endian words abcd, efgh, ijkl become aeib, fjcg, kdhl. */
function transposeRowsOfThreeBytes(source: Int32Array, target: Int32Array): void {
  const words = source.length / 3;
  let at = 0;
  for (let i = 0; i < words; i++) {
    const [first, second, third] = [source[i], source[words + i], source[2 * words + i]];
    target[at] = first & 0xff | (second & 0xff) << 8 | (third & 0xff) << 16 | (first & 0xff00) << 16;
    target[at + 1] = second >> 8 & 0xff | third & 0xff00 | first & 0xff0000 | (second & 0xff0000) << 8;
    target[at + 2] = third >> 16 & 0xff | first >>> 16 & 0xff00 | second >>> 8 & 0xff0000 | third & 0xff000000;
    at += 3;
  }
}
