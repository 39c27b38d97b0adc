import type { OutputRange } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitExactLanes, emitShiftedWords, type ShiftCounts } from "./dyadic_shift.ts";
import { type Address, emitStoreLanes } from "./store_lanes.ts";

/** How four 64-bit sums that hold `roundingTerm` become stored integers. */
export interface SumFinish {
  readonly output: OutputRange;
  /** Whether every value before the clamp is known to be an int32. */
  readonly proven: boolean;
  readonly counts: ShiftCounts;
  /** Pushes `offsetTerm` as i32x4. */
  readonly pushOffset: () => void;
}

/** Shifts four sums (two i64x2 locals), adds the zero point, clamps, and stores the first `lanes` of them. */
export function emitFinishedSums(
  f: FunctionBuilder,
  sums: readonly [Local, Local],
  { output, proven, counts, pushOffset }: SumFinish,
  lanes: number,
  address: Address,
): void {
  if (!proven) return emitExactLanes(f, sums, counts, output, lanes, address);
  const words = f.local("v128");
  emitShiftedWords(f, () => f.get(sums[0]), () => f.get(sums[1]), counts);
  pushOffset();
  f.op("i32x4.add").set(words);
  emitStoreLanes(f, [words], output, lanes, address);
}
