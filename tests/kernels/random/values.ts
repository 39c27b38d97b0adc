import fc from "fast-check";
import type { Problem } from "../../../kernels/kernel.ts";
import type { IntegerDType, OutputRange, StoredDType } from "../../../lib/arith/problem.ts";
import { allocate, type ArrayOf, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

/** A problem with inputs, and an array of the dtype and length of its output. */
export interface KernelCase<P extends Problem = Problem> {
  readonly problem: P;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
}

/** Integers low..high, often one of the two. */
export function edgeInteger(low: number, high: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: low, max: high }) },
    { weight: 1, arbitrary: fc.constantFrom(low, high) },
  );
}

export const DTYPE_LIMITS: Record<StoredDType, readonly [number, number]> = {
  u8: [0, 255],
  u16: [0, 65535],
  i16: [-(2 ** 15), 2 ** 15 - 1],
  i32: [-(2 ** 31), 2 ** 31 - 1],
};

export function randomDType(): fc.Arbitrary<IntegerDType> {
  return fc.constantFrom<IntegerDType>("u8", "u16", "i32");
}

/** Zero points: anything that unsigned integers can store; of an i32 tensor, of the size that wide activations have. */
export function randomZeroPoint(dtype: IntegerDType): fc.Arbitrary<number> {
  return dtype === "i32" ? edgeInteger(-(2 ** 16), 2 ** 16) : edgeInteger(...DTYPE_LIMITS[dtype]);
}

/** Ranges within a dtype, often all of it. */
export function randomRange(): fc.Arbitrary<OutputRange> {
  return randomDType().chain((dtype) => {
    const [lowest, highest] = DTYPE_LIMITS[dtype];
    const limit = edgeInteger(lowest, highest);
    return fc.record({ zeroPoint: randomZeroPoint(dtype), limits: fc.tuple(limit, limit), all: fc.boolean() })
      .map(({ zeroPoint, limits, all }) => ({
        dtype,
        zeroPoint,
        low: all ? lowest : Math.min(...limits),
        high: all ? highest : Math.max(...limits),
      }));
  });
}

export function randomMultiplier(): fc.Arbitrary<number> {
  return edgeInteger(2 ** 30, 2 ** 31 - 1);
}

export function randomShift(): fc.Arbitrary<number> {
  return edgeInteger(0, 62);
}

export type Fill = "random" | "largest" | "smallest";

export function randomFill(): fc.Arbitrary<Fill> {
  return fc.constantFrom<Fill>("random", "random", "largest", "smallest");
}

/** `length` integers low..high of a dtype, or all of them one of the two. */
export function filledArray<D extends "i8" | StoredDType>(
  dtype: D,
  length: number,
  [low, high]: readonly [number, number],
  fill: Fill,
  seed: number,
): ArrayOf<D> {
  const random = seededRandom(seed);
  const array = allocate(dtype, length);
  for (let i = 0; i < length; i++) {
    array[i] = fill === "random" ? random.integer(low, high) : fill === "largest" ? high : low;
  }
  return array;
}

/**
 * The values with one NaN for all: sign and payload of a NaN are those of an operand that compilers of JavaScript and of
 * WebAssembly are free to choose.
 */
export function withOneNaN<A extends TypedArray>(values: A): A {
  if (!(values instanceof Float32Array)) return values;
  return values.map((value) => Number.isNaN(value) ? NaN : value) as typeof values & A; // an array like the argument
}
