import { validTaps, type Window } from "../../lib/tensor/window.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** The taps of one output row (or column) that lie inside the image: where the first reads, and how many there are. */
export interface InsideTaps {
  readonly first: number;
  readonly count: number;
}

/** Per output row; `first` is an input row. */
export function insideRows(w: Window): InsideTaps[] {
  return inside(w.outputHeight, w.strideY, w.padTop, w.kernelHeight, w.dilationY, w.inputHeight);
}

/** Per output column; `first` is an input column. */
export function insideColumns(w: Window): InsideTaps[] {
  return inside(w.outputWidth, w.strideX, w.padLeft, w.kernelWidth, w.dilationX, w.inputWidth);
}

function inside(
  outputs: number,
  stride: number,
  padding: number,
  kernel: number,
  dilation: number,
  input: number,
): InsideTaps[] {
  return Array.from({ length: outputs }, (_, i) => {
    const origin = i * stride - padding;
    const [first, end] = validTaps(origin, kernel, dilation, input);
    return { first: end > first ? origin + first * dilation : 0, count: end - first };
  });
}

/** Byte distances between taps. */
export interface TapPitches {
  readonly row: number;
  readonly column: number;
}

export function tapPitches(w: Window, channels: number, elementBytes: number): TapPitches {
  const pixel = channels * elementBytes;
  return { row: w.dilationY * w.inputWidth * pixel, column: w.dilationX * pixel };
}

/** `visit(address)` for each of `rows` x `columns` taps (i32 locals, either may be 0) from the address in `first`. */
export function emitTaps(
  f: FunctionBuilder,
  first: Local,
  rows: Local,
  columns: Local,
  pitches: TapPitches,
  visit: (tap: Local) => void,
): void {
  const [row, tap] = f.locals("i32", 2);
  f.get(first).set(row);
  f.get(rows).repeatDynamic(() => {
    f.get(row).set(tap);
    f.get(columns).repeatDynamic(() => {
      visit(tap);
      f.advance(tap, pitches.column);
    });
    f.advance(row, pitches.row);
  });
}
