import fc from "fast-check";
import type {
  FloatAveragePoolProblem,
  FloatConcatProblem,
  FloatMaxPoolProblem,
  FloatProductProblem,
  FloatSumProblem,
} from "../../../lib/arith/problem.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import type { KernelCase } from "./values.ts";
import { randomWindow } from "./window.ts";

/** Normal numbers, with those among them that comparisons treat apart. */
function floats(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  const odd = [0, -0, NaN, Infinity, -Infinity, 1e-45];
  return Float32Array.from(
    { length },
    () => random.integer(0, 15) === 0 ? odd[random.integer(0, odd.length - 1)] : random.normal(),
  );
}

export function randomFloatSum(): fc.Arbitrary<KernelCase<FloatSumProblem>> {
  return fc.record({
    size: fc.integer({ min: 1, max: 200 }),
    terms: fc.integer({ min: 1, max: 4 }),
    limits: fc.constantFrom([-Infinity, Infinity], [0, Infinity], [0, 6], [-1, 1]),
    seed: fc.integer(),
  }).map(({ size, terms, limits: [low, high], seed }) => ({
    problem: { kind: "float_sum" as const, size, terms, low, high },
    inputs: Array.from({ length: terms }, (_, i) => floats(size, seed + i)),
    output: new Float32Array(size),
  }));
}

export function randomFloatMaxPool(): fc.Arbitrary<KernelCase<FloatMaxPoolProblem>> {
  return fc.record({ window: randomWindow(9), channels: fc.integer({ min: 1, max: 90 }), seed: fc.integer() })
    .map(({ window: w, channels, seed }) => ({
      problem: { kind: "float_max_pool" as const, window: w, channels },
      inputs: [floats(w.inputHeight * w.inputWidth * channels, seed)],
      output: new Float32Array(w.outputHeight * w.outputWidth * channels),
    }));
}

/** Windows with and without padding; every divisor, whatever the window holds. */
export function randomFloatAveragePool(): fc.Arbitrary<KernelCase<FloatAveragePoolProblem>> {
  return fc.record({
    window: randomWindow(9),
    channels: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 150 })),
    divisor: fc.integer({ min: 1, max: 20 }),
    seed: fc.integer(),
  }).map(({ window: w, channels, divisor, seed }) => ({
    problem: {
      kind: "float_average_pool" as const,
      window: w,
      channels,
      divisors: Int32Array.from({ length: w.outputHeight * w.outputWidth }, (_, i) => divisor + i % 3),
    },
    inputs: [floats(w.inputHeight * w.inputWidth * channels, seed)],
    output: new Float32Array(w.outputHeight * w.outputWidth * channels),
  }));
}

export function randomFloatConcat(): fc.Arbitrary<KernelCase<FloatConcatProblem>> {
  return fc.record({
    outer: fc.integer({ min: 1, max: 9 }),
    inners: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
    seed: fc.integer(),
  }).map(({ outer, inners, seed }) => ({
    problem: { kind: "float_concat" as const, outer, inners },
    inputs: inners.map((inner, part) => floats(outer * inner, seed + part)),
    output: new Float32Array(outer * inners.reduce((sum, inner) => sum + inner, 0)),
  }));
}

/** Rows that fill blocks and vectors, or do not; the vector is not one of float32 values. */
export function randomFloatProduct(): fc.Arbitrary<KernelCase<FloatProductProblem>> {
  return fc.record({
    rows: fc.integer({ min: 1, max: 150 }),
    columns: fc.integer({ min: 1, max: 90 }),
    seed: fc.integer(),
  }).map(({ rows, columns, seed }) => {
    const random = seededRandom(seed);
    const normals = (length: number): number[] => Array.from({ length }, () => random.normal());
    return {
      problem: { kind: "float_product" as const, rows, columns, weights: Float32Array.from(normals(rows * columns)) },
      inputs: [Float64Array.from(normals(columns))],
      output: new Float64Array(rows),
    };
  });
}
