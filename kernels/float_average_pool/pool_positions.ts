import type { FloatAveragePoolProblem } from "../../lib/arith/problem.ts";
import { insideColumns, insideRows } from "../window/window_taps.ts";

/** Layout in constants of an output position: byte offset of its first tap, taps inside the image, float64 divisor. */
export const FIRST_TAP = 0;
export const ROWS = 4;
export const COLUMNS = 8;
export const DIVISOR = 16;
export const POSITION_BYTES = 24;

/** The constants of a float average pool: its output positions row by row. */
export function packPoolPositions({ window: w, channels, divisors }: FloatAveragePoolProblem): Uint8Array {
  const rows = insideRows(w);
  const columns = insideColumns(w);
  const view = new DataView(new ArrayBuffer(rows.length * columns.length * POSITION_BYTES));
  rows.forEach((row, y) =>
    columns.forEach((column, x) => {
      const position = y * columns.length + x;
      const start = position * POSITION_BYTES;
      view.setInt32(start + FIRST_TAP, 4 * channels * (row.first * w.inputWidth + column.first), true);
      view.setInt32(start + ROWS, row.count, true);
      view.setInt32(start + COLUMNS, column.count, true);
      view.setFloat64(start + DIVISOR, divisors[position], true);
    })
  );
  return new Uint8Array(view.buffer);
}
