import { validTaps, type Window } from "../../../lib/tensor/window.ts";
import type { Run } from "../../convolution/pixel_tiles.ts";

/** One axis of a window: output i reads tap k at i * stride - pad + k * dilation, inside of 0..input-1 or not. */
export interface TapAxis {
  readonly outputs: number;
  readonly stride: number;
  readonly pad: number;
  readonly kernel: number;
  readonly dilation: number;
  readonly input: number;
}

export function rowAxis(w: Window): TapAxis {
  return {
    outputs: w.outputHeight,
    stride: w.strideY,
    pad: w.padTop,
    kernel: w.kernelHeight,
    dilation: w.dilationY,
    input: w.inputHeight,
  };
}

export function columnAxis(w: Window): TapAxis {
  return {
    outputs: w.outputWidth,
    stride: w.strideX,
    pad: w.padLeft,
    kernel: w.kernelWidth,
    dilation: w.dilationX,
    input: w.inputWidth,
  };
}

/** Taps first..end-1. */
export type TapRange = readonly [first: number, end: number];

function rangeOf({ stride, pad, kernel, dilation, input }: TapAxis, output: number): TapRange {
  return validTaps(output * stride - pad, kernel, dilation, input);
}

/** The different ranges of taps that outputs along an axis read inside of the image, in the order of the first outputs. */
export function tapRanges(axis: TapAxis): TapRange[] {
  const ranges = Array.from({ length: axis.outputs }, (_, output) => rangeOf(axis, output));
  return [...new Map(ranges.map((range) => [range.join(), range])).values()];
}

/** The ranges of both axes: an output reads the taps of one of the first by one of the second. */
export interface InsideTaps {
  readonly rows: readonly TapRange[];
  readonly columns: readonly TapRange[];
}

export function insideTaps(w: Window): InsideTaps {
  return { rows: tapRanges(rowAxis(w)), columns: tapRanges(columnAxis(w)) };
}

/** `count` neighbouring taps that outputs `from`..`to`-1 of a tile read; all outputs do where none reads padding. */
export interface TapRun {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** `count` tiles of `size` outputs along an axis, which read the same taps. */
export interface TapTiles extends Run {
  /** Of each output. */
  readonly ranges: readonly TapRange[];
  /** All taps of the window, in order. */
  readonly taps: readonly TapRun[];
}

/** Tiles along an axis whose outputs all read all of `taps`. */
export function wholeTiles(runs: readonly Run[], taps: number): TapTiles[] {
  return runs.map(({ count, size }) => ({
    count,
    size,
    ranges: Array.from({ length: size }, () => [0, taps]),
    taps: [{ count: taps, from: 0, to: size }],
  }));
}

/** Tiles along an axis, parted where they read other taps inside of the image. */
export function insideTiles(runs: readonly Run[], axis: TapAxis): TapTiles[] {
  const tiles: TapTiles[] = [];
  let output = 0;
  for (const size of runs.flatMap((run) => new Array<number>(run.count).fill(run.size))) {
    const first = output;
    const ranges = Array.from({ length: size }, (_, i) => rangeOf(axis, first + i));
    const last = tiles.at(-1);
    if (last?.ranges.join(";") === ranges.join(";")) tiles[tiles.length - 1] = { ...last, count: last.count + 1 };
    else tiles.push({ count: 1, size, ranges, taps: tapRuns(ranges, axis.kernel) });
    output += size;
  }
  return tiles;
}

/** Which of the outputs with these ranges read each of the taps: neighbours, since ranges move with outputs. */
function tapRuns(ranges: readonly TapRange[], kernel: number): TapRun[] {
  const runs: TapRun[] = [];
  for (let tap = 0; tap < kernel; tap++) {
    const readers = ranges.flatMap(([first, end], output) => first <= tap && tap < end ? [output] : []);
    const from = readers.at(0) ?? 0;
    const to = from + readers.length;
    const last = runs.at(-1);
    if (last?.from === from && last.to === to) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ count: 1, from, to });
  }
  return runs;
}

/** The number of each output's range among the ranges of all outputs. */
export function rangeNumbers({ ranges }: TapTiles, all: readonly TapRange[]): number[] {
  return ranges.map(([first, end]) => all.findIndex((range) => range[0] === first && range[1] === end));
}
