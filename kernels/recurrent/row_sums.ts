import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** Rows and columns of a tile of weights. */
const ROWS = 4;
const COLUMNS = 8;

/** Tiles of weights in one round of the loop. */
const UNROLL = 4;

/**
 * Sets `sums` to the products of four rows of int8 weights, `tiles` tiles of 4 rows and 8 columns, and the vector of int16
 * at `vector`, and moves `weights` behind them.
 */
export function emitRowSums(f: FunctionBuilder, tiles: number, vector: Local, weights: Local, sums: Local): void {
  const rows = f.locals("v128", ROWS);
  const [columns, low] = f.locals("v128", 2);
  const from = f.local("i32");
  f.get(vector).set(from);
  for (const row of rows) f.v128(new Int32Array(4)).set(row);
  const some = (count: number): void => {
    for (let tile = 0; tile < count; tile++) {
      f.get(from).memory("v128.load", 2 * COLUMNS * tile).set(columns);
      rows.forEach((row, r) => {
        f.get(row).get(weights).memory("v128.load8x8_s", (tile * ROWS + r) * COLUMNS).get(columns);
        f.op("i32x4.dot_i16x8_s", "i32x4.add").set(row);
      });
    }
    f.advance(from, 2 * COLUMNS * count).advance(weights, ROWS * COLUMNS * count);
  };
  f.repeat(Math.floor(tiles / UNROLL), () => some(UNROLL));
  if (tiles % UNROLL > 0) some(tiles % UNROLL);
  // The sum over the four elements of each row: halves of pairs of rows, then halves of those.
  for (const [a, b] of [[rows[0], rows[1]], [rows[2], rows[3]]]) {
    f.get(a).get(b).shuffle(FIRST_HALVES).set(low).get(a).get(b).shuffle(SECOND_HALVES).get(low).op("i32x4.add").set(a);
  }
  f.get(rows[0]).get(rows[2]).shuffle(EVEN_WORDS).get(rows[0]).get(rows[2]).shuffle(ODD_WORDS).op("i32x4.add").set(
    sums,
  );
}

const wordsOf = (...words: number[]): number[] => words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte));
const FIRST_HALVES = wordsOf(0, 1, 4, 5);
const SECOND_HALVES = wordsOf(2, 3, 6, 7);
const EVEN_WORDS = wordsOf(0, 2, 4, 6);
const ODD_WORDS = wordsOf(1, 3, 5, 7);
