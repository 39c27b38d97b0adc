import type { RecurrentProblem } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { BIAS, COLUMNS, columnTiles, PARAMETER_BYTES, UNITS } from "./recurrent_layout.ts";

/** Tiles of weights in one round of the loop. */
const UNROLL = 4;

/** Bytes of h - Z of one image as int16, up to a whole tile. */
export function centredBytes(problem: RecurrentProblem): number {
  return 2 * COLUMNS * columnTiles(problem);
}

/** Writes h - Z of one image and moves `hidden` to the next. Beyond the last unit weights are 0, whatever is read. */
export function emitCentred(f: FunctionBuilder, problem: RecurrentProblem, hidden: Local, centred: Local): void {
  const to = f.local("i32");
  f.get(centred).set(to);
  f.repeat(columnTiles(problem), () => {
    f.get(to).get(hidden).memory("v128.load8x8_u");
    f.v128(new Int16Array(8).fill(problem.output.zeroPoint)).op("i16x8.sub").memory("v128.store");
    f.advance(to, 2 * COLUMNS).advance(hidden, COLUMNS);
  });
  f.advance(hidden, problem.hidden - COLUMNS * columnTiles(problem));
}

/** Sets `sums` to a_h of one gate of a block, four units, and moves `block` behind their weights. */
export function emitRecurrentSums(
  f: FunctionBuilder,
  problem: RecurrentProblem,
  centred: Local,
  block: Local,
  sums: Local,
): void {
  const rows = f.locals("v128", UNITS);
  const [columns, low] = f.locals("v128", 2);
  const from = f.local("i32");
  f.get(block).memory("v128.load", BIAS).set(sums);
  f.advance(block, PARAMETER_BYTES).get(centred).set(from);
  for (const row of rows) f.v128(new Int32Array(4)).set(row);
  const tiles = (count: number): void => {
    for (let tile = 0; tile < count; tile++) {
      f.get(from).memory("v128.load", 2 * COLUMNS * tile).set(columns);
      rows.forEach((row, r) => {
        f.get(row).get(block).memory("v128.load8x8_s", (tile * UNITS + r) * COLUMNS).get(columns);
        f.op("i32x4.dot_i16x8_s", "i32x4.add").set(row);
      });
    }
    f.advance(from, 2 * COLUMNS * count).advance(block, UNITS * COLUMNS * count);
  };
  const total = columnTiles(problem);
  f.repeat(Math.floor(total / UNROLL), () => tiles(UNROLL));
  if (total % UNROLL > 0) tiles(total % UNROLL);
  // The sum over the four elements of each row: halves of pairs of rows, then halves of those.
  for (const [a, b] of [[rows[0], rows[1]], [rows[2], rows[3]]]) {
    f.get(a).get(b).shuffle(FIRST_HALVES).set(low).get(a).get(b).shuffle(SECOND_HALVES).get(low).op("i32x4.add").set(a);
  }
  f.get(rows[0]).get(rows[2]).shuffle(EVEN_WORDS).get(rows[0]).get(rows[2]).shuffle(ODD_WORDS).op("i32x4.add");
  f.get(sums).op("i32x4.add").set(sums);
}

const wordsOf = (...words: number[]): number[] => words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte));
const FIRST_HALVES = wordsOf(0, 1, 4, 5);
const SECOND_HALVES = wordsOf(2, 3, 6, 7);
const EVEN_WORDS = wordsOf(0, 2, 4, 6);
const ODD_WORDS = wordsOf(1, 3, 5, 7);
