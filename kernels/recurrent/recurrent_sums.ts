import type { RecurrentProblem } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { BIAS, COLUMNS, columnTiles, PARAMETER_BYTES } from "./recurrent_layout.ts";
import { emitRowSums } from "./row_sums.ts";

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
  const bias = f.local("v128");
  f.get(block).memory("v128.load", BIAS).set(bias);
  f.advance(block, PARAMETER_BYTES);
  emitRowSums(f, columnTiles(problem), centred, block, sums);
  f.get(sums).get(bias).op("i32x4.add").set(sums);
}
