import type { ChannelRequantization, ConvolutionProblem } from "../../lib/arith/problem.ts";
import { ACCUMULATOR_MAX, accumulatorBounds } from "../../lib/arith/bounds.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import {
  emitExactLanes,
  emitShiftedHighWords,
  emitShiftedWords,
  fitsInt32,
  highWordsShift,
  offsetTerm,
  roundingTerm,
  type ShiftCounts,
} from "./dyadic_shift.ts";
import { emitStoreLanes, fullRange } from "./store_lanes.ts";
import type { AccumulatorTile } from "./accumulator_tile.ts";

/**
 * How the int32 accumulators of a convolution become its output. The plan depends on what can be proven of the
 * problem's weights, and is a static parameter of the code:
 *
 * - `accumulators`: they are the output.
 * - `common`: one shift C = max c for all channels, so that shift and rounding are constants of the code. Channel o with
 *   a smaller c is scaled to it, floor((acc * 2^(C-c) * b + 2^(C-1)) / 2^C) = floor((acc * b + 2^(c-1)) / 2^c), which
 *   takes |acc| * 2^(C-c) to be an int32.
 * - `lanes`: shifts differ by more than that.
 * - `exact`: the value before the clamp may exceed int32.
 */
export type ChannelPlan =
  | { readonly mode: "accumulators" }
  | {
    readonly mode: "common";
    readonly output: ChannelRequantization;
    readonly shift: number;
    readonly scaled: boolean;
  }
  | { readonly mode: "lanes" | "exact"; readonly output: ChannelRequantization };

/** The cheapest way that is exact for every accumulator within the bounds of the weights. */
export function planChannels(problem: ConvolutionProblem): ChannelPlan {
  return problem.output === undefined
    ? { mode: "accumulators" }
    : planWithin(problem.output, accumulatorBounds(problem));
}

/** The same for accumulators whose magnitudes are at most `bounds`, one for each channel. */
export function planWithin(output: ChannelRequantization, bounds: Float64Array): ChannelPlan {
  const { multipliers, shifts, zeroPoint } = output;
  const shift = shifts.reduce((a, b) => Math.max(a, b), 0);
  let common = true;
  for (let o = 0; o < bounds.length; o++) {
    if (!fitsInt32(bounds[o] * multipliers[o], shifts[o], zeroPoint)) return { mode: "exact", output };
    const scale = 2 ** (shift - shifts[o]);
    if (scale > 2 ** 30 || bounds[o] * scale > ACCUMULATOR_MAX) common = false;
  }
  if (!common) return { mode: "lanes", output };
  return { mode: "common", output, shift, scaled: shifts.some((c) => c !== shift) };
}

/** Bytes of one element of the output. */
export function outputBytes(plan: ChannelPlan): number {
  return plan.mode === "accumulators" || plan.output.dtype === "i32" ? 4 : plan.output.dtype === "u16" ? 2 : 1;
}

/** Parameters of four channels, 16 bytes each: multiplier, then scale; or multiplier, rounding terms, offset, shifts. */
export function channelParameterBytes(plan: ChannelPlan): number {
  if (plan.mode === "accumulators") return 0;
  if (plan.mode === "common") return commonBytes(plan.scaled);
  return LANE_BYTES;
}

const MULTIPLIER = 0;
const SCALE = 16;
const ROUNDING = 16;
const OFFSET = 48;
const SHIFT = 64;
const LANE_BYTES = 80;

function commonBytes(scaled: boolean): number {
  return scaled ? SCALE + 16 : 16;
}

/** Writes the parameters of `lanes` channels from `channel`; further lanes are left 0, which gives 0. */
export function writeChannelParameters(
  plan: ChannelPlan,
  view: DataView,
  position: number,
  channel: number,
  lanes: number,
): void {
  if (plan.mode === "accumulators") return;
  const { multipliers, shifts, zeroPoint } = plan.output;
  for (let lane = 0; lane < lanes; lane++) {
    const shift = shifts[channel + lane];
    const word = position + 4 * lane;
    view.setInt32(word + MULTIPLIER, multipliers[channel + lane], true);
    if (plan.mode === "common") {
      if (plan.scaled) view.setInt32(word + SCALE, 2 ** (plan.shift - shift), true);
      continue;
    }
    view.setBigInt64(position + ROUNDING + 8 * lane, roundingTerm(shift, plan.mode === "lanes"), true);
    view.setInt32(word + OFFSET, offsetTerm(zeroPoint, shift), true);
    view.setInt32(word + SHIFT, shift, true);
  }
}

/** Requantizes and stores a tile. The accumulators are used up. */
export function emitChannelRequantization(f: FunctionBuilder, plan: ChannelPlan, tile: AccumulatorTile): void {
  const { accumulators, channels, output, outputOffsets } = tile;
  if (plan.mode === "exact") return emitExactTile(f, plan.output, tile);
  if (plan.mode === "common") emitCommonShift(f, plan.output, plan.shift, plan.scaled, tile);
  else if (plan.mode === "lanes") emitLaneShifts(f, tile);
  const range = plan.mode === "accumulators" ? fullRange("i32") : plan.output;
  outputOffsets.forEach((offset, pixel) => {
    emitStoreLanes(f, accumulators.map((row) => row[pixel]), range, channels, { base: output, offset });
  });
}

function emitCommonShift(
  f: FunctionBuilder,
  { zeroPoint }: ChannelRequantization,
  shift: number,
  scaled: boolean,
  { accumulators, parameters: { base, offset: parameters } }: AccumulatorTile,
): void {
  const [multiplier, scale, rounding, zero] = f.locals("v128", 4);
  const words = highWordsShift(shift);
  // Splats, since engines make a constant vector anew at each use.
  f.i64(roundingTerm(shift, words === undefined)).op("i64x2.splat").set(rounding);
  const offset = words === undefined ? offsetTerm(zeroPoint, shift) : zeroPoint;
  if (offset !== 0) f.i32(offset).op("i32x4.splat").set(zero);
  const counts: ShiftCounts = { per: "vector", push: () => f.i32(shift) };
  accumulators.forEach((row, v) => {
    const position = parameters + v * commonBytes(scaled);
    f.get(base).memory("v128.load", position + MULTIPLIER).set(multiplier);
    if (scaled) f.get(base).memory("v128.load", position + SCALE).set(scale);
    for (const accumulator of row) {
      if (scaled) f.get(accumulator).get(scale).op("i32x4.mul").set(accumulator);
      const pushLow = (): unknown =>
        f.get(accumulator).get(multiplier).op("i64x2.extmul_low_i32x4_s").get(rounding).op("i64x2.add");
      const pushHigh = (): unknown =>
        f.get(accumulator).get(multiplier).op("i64x2.extmul_high_i32x4_s").get(rounding).op("i64x2.add");
      if (words === undefined) emitShiftedWords(f, pushLow, pushHigh, counts);
      else emitShiftedHighWords(f, pushLow, pushHigh, words);
      if (offset !== 0) f.get(zero).op("i32x4.add");
      f.set(accumulator);
    }
  });
}

/** Parameters of four channels with shifts of their own, in locals. */
function emitLaneParameters(f: FunctionBuilder): {
  multiplier: Local;
  rounding: [Local, Local];
  offset: Local;
  counts: ShiftCounts;
  load: (base: Local, position: number) => void;
} {
  const [multiplier, low, high, offset] = f.locals("v128", 4);
  const shifts = f.locals("i32", 4);
  const load = (base: Local, position: number): void => {
    f.get(base).memory("v128.load", position + MULTIPLIER).set(multiplier);
    f.get(base).memory("v128.load", position + ROUNDING).set(low);
    f.get(base).memory("v128.load", position + ROUNDING + 16).set(high);
    f.get(base).memory("v128.load", position + OFFSET).set(offset);
    shifts.forEach((shift, lane) => f.get(base).memory("i32.load", position + SHIFT + 4 * lane).set(shift));
  };
  const counts: ShiftCounts = { per: "lane", push: (lane) => f.get(shifts[lane]) };
  return { multiplier, rounding: [low, high], offset, counts, load };
}

function emitLaneShifts(f: FunctionBuilder, { accumulators, parameters }: AccumulatorTile): void {
  const { multiplier, rounding: [low, high], offset, counts, load } = emitLaneParameters(f);
  accumulators.forEach((row, v) => {
    load(parameters.base, parameters.offset + v * LANE_BYTES);
    for (const accumulator of row) {
      emitShiftedWords(
        f,
        () => f.get(accumulator).get(multiplier).op("i64x2.extmul_low_i32x4_s").get(low).op("i64x2.add"),
        () => f.get(accumulator).get(multiplier).op("i64x2.extmul_high_i32x4_s").get(high).op("i64x2.add"),
        counts,
      );
      f.get(offset).op("i32x4.add").set(accumulator);
    }
  });
}

function emitExactTile(f: FunctionBuilder, range: ChannelRequantization, tile: AccumulatorTile): void {
  const { accumulators, channels, parameters, output, outputOffsets } = tile;
  const { multiplier, rounding: [low, high], counts, load } = emitLaneParameters(f);
  const sums: [Local, Local] = [f.local("v128"), f.local("v128")];
  accumulators.forEach((row, v) => {
    load(parameters.base, parameters.offset + v * LANE_BYTES);
    row.forEach((accumulator, pixel) => {
      f.get(accumulator).get(multiplier).op("i64x2.extmul_low_i32x4_s").get(low).op("i64x2.add").set(sums[0]);
      f.get(accumulator).get(multiplier).op("i64x2.extmul_high_i32x4_s").get(high).op("i64x2.add").set(sums[1]);
      const offset = outputOffsets[pixel] + 4 * v * (range.dtype === "u8" ? 1 : range.dtype === "u16" ? 2 : 4);
      emitExactLanes(f, sums, counts, range, Math.min(4, channels - 4 * v), { base: output, offset });
    });
  });
}
