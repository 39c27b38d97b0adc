import type { FloatProductProblem } from "../../lib/arith/problem.ts";

/** Blocks of rows: as many whole ones as there are, then one of the rest. */
export function rowBlocks(rows: number, whole: number): { readonly count: number; readonly rows: number }[] {
  return [{ count: Math.floor(rows / whole), rows: whole }, { count: 1, rows: rows % whole }]
    .filter((block) => block.count * block.rows > 0);
}

/**
 * The weights of block after block of at most `whole` rows: for each column those of all rows of the block, filled up with 0
 * to a multiple of `lanes`.
 */
export function packRows(
  { rows, columns, weights }: FloatProductProblem,
  whole: number,
  lanes: number,
): Uint8Array<ArrayBuffer> {
  const widthOf = (count: number): number => Math.ceil(count / lanes) * lanes;
  const blocks = rowBlocks(rows, whole).flatMap((block) => new Array<number>(block.count).fill(block.rows));
  const floats = new Float32Array(columns * blocks.reduce((sum, count) => sum + widthOf(count), 0));
  let start = 0;
  let row = 0;
  for (const count of blocks) {
    const width = widthOf(count);
    for (let r = 0; r < count; r++, row++) {
      for (let k = 0; k < columns; k++) floats[start + k * width + r] = weights[row * columns + k];
    }
    start += columns * width;
  }
  return new Uint8Array(floats.buffer);
}
