import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { activationLoads } from "./activation_loads.ts";
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
  const { arithmetic, vectors, weights, pointOffsets } = tile;
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pointOffsets.length));
  accumulators.forEach((row, v) => {
    if (tile.bias === undefined) f.v128(new Uint8Array(16)).set(row[0]);
    else f.get(weights).memory("v128.load", tile.bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  const { steps, activationPitch, weightPitch } = tile.walk;
  const weightVectors = f.locals("v128", vectors);
  const splats = f.locals("v128", pointOffsets.length);
  const loadsOf = activationLoads(f, pointOffsets, activationPitch);
  const emitSteps: StepEmitter = (count, w, weightOffset, a, activationOffset) => {
    const loadActivation = loadsOf(count, a, activationOffset);
    const loadWeights = (step: number, v: number): void => {
      const offset = weightOffset + step * weightPitch + v * arithmetic.weightVectorBytes;
      f.get(w).memory(arithmetic.loadWeights, offset).set(weightVectors[v]);
    };
    for (let step = 0; step < count; step++) {
      emitProducts(
        { vectors, points: pointOffsets.length },
        (v) => loadWeights(step, v),
        (point) => loadActivation(step, point, splats[point]),
        (v, point) => {
          f.get(accumulators[v][point]).get(weightVectors[v]).get(splats[point]);
          f.op(arithmetic.multiply, arithmetic.add).set(accumulators[v][point]);
        },
      );
    }
  };

  emitWalk(f, tile, unrollOf(steps), emitSteps);
  return accumulators;
}

/** Emits `count` consecutive steps of a run, at offsets from a weight and an activation pointer. */
export type StepEmitter = (count: number, w: Local, weightOffset: number, a: Local, activationOffset: number) => void;

/** Emits all steps of a sum: each run is a loop as `split` says, and its rest. */
export function emitWalk(
  f: FunctionBuilder,
  { walk, weights, activations }: Pick<TileSum, "walk" | "weights" | "activations">,
  { unroll, loops, rest }: RunSplit,
  emitSteps: StepEmitter,
): void {
  const { rows, runs, steps, activationPitch, runPitch, rowPitch, weightPitch } = walk;
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let run = 0; run < rows * runs; run++) {
      const start = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch;
      emitSteps(steps, weights, run * steps * weightPitch, activations, start);
    }
    return;
  }
  const [w, a] = f.locals("i32", 2);
  f.get(weights).set(w).get(activations).set(a);
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
}

/**
 * All products of vectors and points. The fewer of the two are loaded first and kept, the others come one by one: that
 * takes the fewest registers.
 */
export function emitProducts(
  { vectors, points }: { readonly vectors: number; readonly points: number },
  loadVector: (vector: number) => void,
  loadPoint: (point: number) => void,
  multiply: (vector: number, point: number) => void,
): void {
  const [kept, others] = vectors < points ? [vectors, points] : [points, vectors];
  for (let i = 0; i < kept; i++) (vectors < points ? loadVector : loadPoint)(i);
  for (let j = 0; j < others; j++) {
    (vectors < points ? loadPoint : loadVector)(j);
    for (let i = 0; i < kept; i++) {
      if (vectors < points) multiply(i, j);
      else multiply(j, i);
    }
  }
}

/** The steps of a run: `loops` times `unroll` of them, and the rest. */
export interface RunSplit {
  readonly unroll: number;
  readonly loops: number;
  readonly rest: number;
}

/** Steps of one run: a loop of 4 to 8 with the least rest, or no loop. */
export function unrollOf(steps: number): RunSplit {
  if (steps <= STRAIGHT_RUN) return { unroll: 0, loops: 0, rest: steps };
  const unroll = [8, 7, 6, 5, 4].reduce((best, u) => steps % u < steps % best ? u : best);
  return { unroll, loops: Math.floor(steps / unroll), rest: steps % unroll };
}
