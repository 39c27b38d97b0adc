import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { activationLoads } from "./activation_loads.ts";
import { emitProducts, emitWalk, type StepEmitter, type TileSum } from "./tile_sum.ts";

/** The sums of one tile of bytes, in segments of `length` steps whose int16 sums are proven. */
export interface SegmentedSum extends Omit<TileSum, "arithmetic" | "bias"> {
  readonly length: number;
  /** Offset of the biases from `weights`. */
  readonly bias: number;
  /** The operand of 7 bits; the other one is signed. */
  readonly sevenBits: "activations" | "weights";
  /** Of each point, what is taken off all its sums: int32 at the byte offset from `base`. */
  readonly excess?: { readonly base: Local; readonly offsets: readonly number[] };
}

/** Pushes the int16 sums of pairs of products. The second operand is the one that has 7 bits on every processor. */
export function emitByteDot(
  f: FunctionBuilder,
  sevenBits: SegmentedSum["sevenBits"],
  weights: Local,
  activations: Local,
): void {
  const [signed, unsigned] = sevenBits === "activations" ? [weights, activations] : [activations, weights];
  f.get(signed).get(unsigned).op("i16x8.relaxed_dot_i8x16_i7x16_s");
}

const WEIGHT_VECTOR = 16;
/** Steps in the body of a loop, at least; a run of as many as the second is code without a loop. */
const UNROLL = 8;
const STRAIGHT = 16;
/** Segments up to this many steps are summed vector by vector, with the segment's activations at hand. */
const SHORT = 2;

/** Emits bias plus the whole sum of one tile; the int32 accumulators are [vector][point]. */
export function emitSegmentedSum(f: FunctionBuilder, tile: SegmentedSum): Local[][] {
  const { vectors, weights, bias, pointOffsets, excess } = tile;
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pointOffsets.length));
  accumulators.forEach((row, v) => {
    f.get(weights).memory("v128.load", bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  if (excess !== undefined) {
    const splat = f.local("v128");
    excess.offsets.forEach((offset, p) => {
      f.get(excess.base).memory("v128.load32_splat", offset).set(splat);
      for (const row of accumulators) f.get(row[p]).get(splat).op("i32x4.sub").set(row[p]);
    });
  }
  const { steps } = tile.walk;
  const unroll = Math.max(UNROLL, tile.length);
  const loops = steps <= STRAIGHT ? 0 : Math.floor(steps / unroll);
  emitWalk(f, tile, { unroll, loops, rest: steps - loops * unroll }, stepEmitter(f, tile, accumulators));
  return accumulators;
}

/**
 * What adds the int16 sums of pairs on the stack to the int32 accumulator of their outputs. Products with ones that stay
 * in a register are faster than i32x4.extadd_pairwise_i16x8_s, which V8 makes of products with ones in memory.
 */
export function widener(f: FunctionBuilder): (accumulator: Local) => void {
  const ones = f.local("v128");
  f.i32(1).op("i16x8.splat").set(ones);
  return (accumulator) => {
    f.get(ones).op("i32x4.dot_i16x8_s").get(accumulator).op("i32x4.add").set(accumulator);
  };
}

/** Steps in segments. */
function stepEmitter(f: FunctionBuilder, tile: SegmentedSum, accumulators: readonly Local[][]): StepEmitter {
  const { vectors, pointOffsets, walk: { activationPitch, weightPitch }, length, sevenBits } = tile;
  const points = pointOffsets.length;
  const widen = widener(f);
  const loadsOf = activationLoads(f, pointOffsets, activationPitch);
  const splats = Array.from({ length: Math.min(length, SHORT) }, () => f.locals("v128", points));
  const weightVectors = f.locals("v128", Math.max(vectors, SHORT));
  const sums = accumulators.map((row) => row.map(() => f.local("v128")));

  return (count, w, weightOffset, a, activationOffset) => {
    const loadActivation = loadsOf(count, a, activationOffset);
    const loadWeights = (step: number, v: number, target: Local): void => {
      f.get(w).memory("v128.load", weightOffset + step * weightPitch + v * WEIGHT_VECTOR).set(target);
    };
    const shortSegment = (first: number, steps: number): void => {
      for (let s = 0; s < steps; s++) splats[s].forEach((splat, p) => loadActivation(first + s, p, splat));
      for (let v = 0; v < vectors; v++) {
        for (let s = 0; s < steps; s++) loadWeights(first + s, v, weightVectors[s]);
        for (let p = 0; p < points; p++) {
          for (let s = 0; s < steps; s++) {
            emitByteDot(f, sevenBits, weightVectors[s], splats[s][p]);
            if (s > 0) f.op("i16x8.add");
          }
          widen(accumulators[v][p]);
        }
      }
    };
    const longSegment = (first: number, steps: number): void => {
      for (let s = 0; s < steps; s++) {
        emitProducts(
          { vectors, points },
          (v) => loadWeights(first + s, v, weightVectors[v]),
          (p) => loadActivation(first + s, p, splats[0][p]),
          (v, p) => {
            emitByteDot(f, sevenBits, weightVectors[v], splats[0][p]);
            if (s > 0) f.get(sums[v][p]).op("i16x8.add");
            f.set(sums[v][p]);
          },
        );
      }
      sums.forEach((row, v) =>
        row.forEach((sum, p) => {
          f.get(sum);
          widen(accumulators[v][p]);
        })
      );
    };
    for (let first = 0; first < count; first += length) {
      const steps = Math.min(length, count - first);
      if (steps <= SHORT) shortSegment(first, steps);
      else longSegment(first, steps);
    }
  };
}
