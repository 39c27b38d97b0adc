import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { ELEMENTS_PER_STEP } from "./segments.ts";
import type { TileSum } from "./tile_sum.ts";

/** The sums of one tile of bytes, in segments of `length` steps whose int16 sums are proven. */
export interface SegmentedSum extends Omit<TileSum, "arithmetic" | "bias"> {
  readonly length: number;
  /** Offset of the biases from `weights`. */
  readonly bias: number;
}

const WEIGHT_VECTOR = 16;
/** Steps of activations in one load. */
const STEPS_PER_LOAD = 16 / ELEMENTS_PER_STEP;
/** Steps in the body of a loop, at least; a run of as many as the second, or a sum, is code without a loop. */
const UNROLL = 8;
const STRAIGHT = 16;
/** Segments up to this many steps are summed vector by vector, with the segment's activations at hand. */
const SHORT = 4;

/** Emits bias plus the whole sum of one tile; the int32 accumulators are [vector][point]. */
export function emitSegmentedSum(f: FunctionBuilder, tile: SegmentedSum): Local[][] {
  const { vectors, weights, bias, activations, pointOffsets, walk } = tile;
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pointOffsets.length));
  accumulators.forEach((row, v) => {
    f.get(weights).memory("v128.load", bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  const emitSteps = stepEmitter(f, tile, accumulators);
  const { rows, runs, steps, activationPitch, runPitch, rowPitch, weightPitch } = walk;
  if (rows * runs * steps <= STRAIGHT) {
    for (let run = 0; run < rows * runs; run++) {
      const start = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch;
      emitSteps(steps, weights, run * steps * weightPitch, activations, start);
    }
    return accumulators;
  }
  const [w, a] = f.locals("i32", 2);
  f.get(weights).set(w).get(activations).set(a);
  const unroll = Math.max(UNROLL, tile.length);
  const loops = steps <= STRAIGHT ? 0 : Math.floor(steps / unroll);
  const rest = steps - loops * unroll;
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(loops, () => {
        emitSteps(unroll, w, 0, a, 0);
        f.advance(w, unroll * weightPitch).advance(a, unroll * activationPitch);
      });
      emitSteps(rest, w, 0, a, 0);
      if (rows * runs > 1) f.advance(w, rest * weightPitch).advance(a, runPitch - unroll * loops * activationPitch);
    });
    if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
  });
  return accumulators;
}

/** Adds int16 sums of pairs to the int32 accumulator of their outputs; they are on the stack. */
export function emitWiden(f: FunctionBuilder, accumulator: Local): void {
  f.op("i32x4.extadd_pairwise_i16x8_s").get(accumulator).op("i32x4.add").set(accumulator);
}

type StepEmitter = (count: number, w: Local, weightOffset: number, a: Local, activationOffset: number) => void;

/** Emits `count` consecutive steps of a run, in segments. */
function stepEmitter(f: FunctionBuilder, tile: SegmentedSum, accumulators: readonly Local[][]): StepEmitter {
  const { vectors, pointOffsets, walk: { activationPitch, weightPitch }, length } = tile;
  const points = pointOffsets.length;
  const loaded = f.locals("v128", points);
  const splats = Array.from({ length: Math.min(length, SHORT) }, () => f.locals("v128", points));
  const weightVectors = f.locals("v128", Math.min(length, SHORT));
  const sums = accumulators.map((row) => row.map(() => f.local("v128")));

  return (count, w, weightOffset, a, activationOffset) => {
    const loadActivations = (step: number, targets: readonly Local[]): void => {
      const lane = step % STEPS_PER_LOAD;
      const offset = activationOffset + step * activationPitch;
      pointOffsets.forEach((pointOffset, p) => {
        if (lane === 0 && step + 1 === count) {
          f.get(a).memory("v128.load32_splat", pointOffset + offset).set(targets[p]);
          return;
        }
        if (lane === 0) f.get(a).memory("v128.load", pointOffset + offset).set(loaded[p]);
        f.get(loaded[p]).get(loaded[p]).shuffle(splatLane(lane)).set(targets[p]);
      });
    };
    const loadWeights = (step: number, v: number, target: Local): void => {
      f.get(w).memory("v128.load", weightOffset + step * weightPitch + v * WEIGHT_VECTOR).set(target);
    };
    const shortSegment = (first: number, steps: number): void => {
      for (let s = 0; s < steps; s++) loadActivations(first + s, splats[s]);
      for (let v = 0; v < vectors; v++) {
        for (let s = 0; s < steps; s++) loadWeights(first + s, v, weightVectors[s]);
        for (let p = 0; p < points; p++) {
          for (let s = 0; s < steps; s++) {
            f.get(weightVectors[s]).get(splats[s][p]).op("i16x8.relaxed_dot_i8x16_i7x16_s");
            if (s > 0) f.op("i16x8.add");
          }
          emitWiden(f, accumulators[v][p]);
        }
      }
    };
    const longSegment = (first: number, steps: number): void => {
      for (let s = 0; s < steps; s++) {
        loadActivations(first + s, splats[0]);
        for (let v = 0; v < vectors; v++) {
          loadWeights(first + s, v, weightVectors[0]);
          for (let p = 0; p < points; p++) {
            f.get(weightVectors[0]).get(splats[0][p]).op("i16x8.relaxed_dot_i8x16_i7x16_s");
            if (s > 0) f.get(sums[v][p]).op("i16x8.add");
            f.set(sums[v][p]);
          }
        }
      }
      sums.forEach((row, v) => row.forEach((sum, p) => emitWiden(f.get(sum), accumulators[v][p])));
    };
    for (let first = 0; first < count; first += length) {
      const steps = Math.min(length, count - first);
      if (steps <= SHORT) shortSegment(first, steps);
      else longSegment(first, steps);
    }
  };
}

/** All lanes the 32-bit lane `lane`. */
function splatLane(lane: number): number[] {
  return Array.from({ length: 16 }, (_, i) => 4 * lane + (i & 3));
}
