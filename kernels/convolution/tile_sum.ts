import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { DenseArithmetic } from "./dense_layout.ts";

/** The steps of a sum: `rows` x `runs` runs of `steps`. Pitches in bytes. */
export interface StepWalk {
  readonly rows: number;
  readonly runs: number;
  readonly steps: number;
  /** Activations: from one step to the next, one run to the next within a row (`rowPitch` for one run), row to row. */
  readonly activationPitch: number;
  readonly runPitch: number;
  readonly rowPitch: number;
  /** Weights: from one step to the next, all through the sum. */
  readonly weightPitch: number;
}

/** Sums of one tile: 4 x `vectors` outputs, which have a weight each in a step, by points, which have an activation each. */
export interface TileSum {
  readonly arithmetic: Pick<DenseArithmetic, "loadWeights" | "weightVectorBytes" | "multiply" | "add">;
  readonly walk: StepWalk;
  readonly vectors: number;
  readonly weights: Local;
  /** Offset of the biases from `weights`; without it sums start at 0. */
  readonly bias?: number;
  readonly activations: Local;
  /** Byte offset of each point from `activations`. */
  readonly pointOffsets: readonly number[];
}

/** A sum of at most this many steps is code without a loop. */
const STRAIGHT_STEPS = 16;
const STRAIGHT_RUN = 12;

/** Emits bias plus the whole sum of one tile, step by step; the accumulators are [vector][point]. */
export function emitTileSum(f: FunctionBuilder, tile: TileSum): Local[][] {
  const { arithmetic, vectors, weights, activations, pointOffsets } = tile;
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pointOffsets.length));
  accumulators.forEach((row, v) => {
    if (tile.bias === undefined) f.v128(new Uint8Array(16)).set(row[0]);
    else f.get(weights).memory("v128.load", tile.bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  const weightVectors = f.locals("v128", vectors);
  const activation = f.local("v128");
  const step = (w: Local, weightOffset: number, a: Local, activationOffset: number): void => {
    weightVectors.forEach((vector, v) => {
      f.get(w).memory(arithmetic.loadWeights, weightOffset + v * arithmetic.weightVectorBytes).set(vector);
    });
    pointOffsets.forEach((pointOffset, point) => {
      f.get(a).memory("v128.load32_splat", pointOffset + activationOffset).set(activation);
      weightVectors.forEach((vector, v) => {
        const accumulator = accumulators[v][point];
        f.get(accumulator).get(vector).get(activation).op(arithmetic.multiply, arithmetic.add).set(accumulator);
      });
    });
  };

  const { rows, runs, steps, activationPitch, runPitch, rowPitch, weightPitch } = tile.walk;
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let i = 0; i < rows * runs * steps; i++) {
      const run = Math.floor(i / steps);
      const start = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch;
      step(weights, i * weightPitch, activations, start + (i % steps) * activationPitch);
    }
    return accumulators;
  }
  const [w, a] = f.locals("i32", 2);
  f.get(weights).set(w).get(activations).set(a);
  const { unroll, loops, rest } = unrollOf(steps);
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(loops, () => {
        for (let i = 0; i < unroll; i++) step(w, i * weightPitch, a, i * activationPitch);
        f.advance(w, unroll * weightPitch).advance(a, unroll * activationPitch);
      });
      for (let i = 0; i < rest; i++) step(w, i * weightPitch, a, i * activationPitch);
      if (rows * runs > 1) f.advance(w, rest * weightPitch).advance(a, runPitch - unroll * loops * activationPitch);
    });
    if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
  });
  return accumulators;
}

/** Steps of one run: a loop of 4 to 8 with the least rest, or no loop. */
export function unrollOf(steps: number): { unroll: number; loops: number; rest: number } {
  if (steps <= STRAIGHT_RUN) return { unroll: 0, loops: 0, rest: steps };
  const unroll = [8, 7, 6, 5, 4].reduce((best, u) => steps % u < steps % best ? u : best);
  return { unroll, loops: Math.floor(steps / unroll), rest: steps % unroll };
}
