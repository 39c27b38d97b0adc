import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/**
 * Minimal filtering F(4x4, 3x3) on integers (Lavin and Gray, arXiv 1509.09308, sections 4.1 and 4.3, after Winograd): 16
 * outputs of a 3x3 window take 36 products of each channel instead of 144,
 *
 *     576 Y = A ((G g G^T) * (B^T d B)) A^T        d: 6x6 inputs, g: 3x3 weights, Y: 4x4 outputs, *: by elements
 *
 * The paper's G has fractions. Here its rows are multiplied by 24, 24, 24, 24, 24 and 6, and those that stay larger than
 * needed are divided by what A then multiplies by, so that all three matrices are integers:
 *
 *     B^T =  4  0 -5  0  1  0      G =  6  0  0      A =  1  1  1  1  1  0
 *            0 -4 -4  1  1  0          -4 -4 -4           0  1 -1  2 -2  0
 *            0  4 -4 -1  1  0          -4  4 -4           0  1  1  4  4  0
 *            0 -2 -1  2  1  0           1  2  4           0  1 -1  8 -8  4
 *            0  2 -1 -2  1  0           1 -2  4
 *            0  4  0 -5  0  1           0  0  6
 *
 * Every step is exact modulo 2^32, whatever sums on the way are, so Y is exact where 64 Y is an int32 (`quotient`).
 */
export const OUTPUT_EXTENT = 4;
export const INPUT_EXTENT = 6;
/** Products of a channel in a tile. */
export const PRODUCTS = INPUT_EXTENT ** 2;
/** Outputs whose magnitude is less than this are exact. */
export const OUTPUT_LIMIT = 2 ** 25;

/** Outputs are 576 = 9 * 64 times too large: 1 / 9 modulo 2^32, and the shift that divides by 64. */
const INVERSE_OF_9 = 0x38e38e39;
const SHIFT = 6;

/** G x of three integers at `from`, `step` apart, to six at `to`, one behind the other. |x| grows to 12 times at most. */
function transformWeightLine(
  x: { readonly [i: number]: number },
  from: number,
  step: number,
  y: Int32Array,
  to: number,
): void {
  const [first, middle, last] = [x[from], x[from + step], x[from + 2 * step]];
  const ends = -4 * (first + last);
  const outer = first + 4 * last;
  y[to] = 6 * first;
  y[to + 1] = ends - 4 * middle;
  y[to + 2] = ends + 4 * middle;
  y[to + 3] = outer + 2 * middle;
  y[to + 4] = outer - 2 * middle;
  y[to + 5] = 6 * last;
}

/**
 * A function that gives G g G^T of nine weights, the first at `start`, `pitch` apart: at most 144 * 128, so int16. It is
 * overwritten by the next call.
 */
export function weightTransform(): (weights: Int8Array, start: number, pitch: number) => Int32Array {
  const half = new Int32Array(3 * INPUT_EXTENT);
  const transformed = new Int32Array(PRODUCTS);
  return (weights, start, pitch) => {
    for (let x = 0; x < 3; x++) transformWeightLine(weights, start + x * pitch, 3 * pitch, half, x * INPUT_EXTENT);
    for (let row = 0; row < INPUT_EXTENT; row++) {
      transformWeightLine(half, row, INPUT_EXTENT, transformed, row * INPUT_EXTENT);
    }
    return transformed;
  };
}

/** Emits B^T x of six vectors of int16. A byte grows to at most 8 times, then 68 times its size: still an int16. */
export function inputTransform(f: FunctionBuilder): (x: readonly Local[], y: readonly Local[]) => void {
  const [even, odd, difference] = f.locals("v128", 3);
  return ([x0, x1, x2, x3, x4, x5], [y0, y1, y2, y3, y4, y5]) => {
    const shift = (count: number): FunctionBuilder => f.i32(count).op("i16x8.shl");
    f.get(x4).get(x2).op("i16x8.sub").set(even);
    f.get(x0).get(x2).op("i16x8.sub");
    shift(2).get(even).op("i16x8.add").set(y0);
    f.get(x3).get(x1).op("i16x8.sub").set(difference);
    f.get(x5).get(x3).op("i16x8.sub").get(difference);
    shift(2).op("i16x8.sub").set(y5);
    f.get(difference);
    shift(1).set(odd);
    f.get(even).get(odd).op("i16x8.add").set(y3).get(even).get(odd).op("i16x8.sub").set(y4);
    f.get(x4).get(x2);
    shift(2).op("i16x8.sub").set(even);
    f.get(x3).get(x1);
    shift(2).op("i16x8.sub").set(odd);
    f.get(even).get(odd).op("i16x8.add").set(y1).get(even).get(odd).op("i16x8.sub").set(y2);
  };
}

/** Emits A x of six vectors of int32. */
export function outputTransform(f: FunctionBuilder): (x: readonly Local[], y: readonly Local[]) => void {
  const [sum, difference, largeSum, largeDifference] = f.locals("v128", 4);
  return ([x0, x1, x2, x3, x4, x5], [y0, y1, y2, y3]) => {
    const shift = (count: number): FunctionBuilder => f.i32(count).op("i32x4.shl");
    f.get(x1).get(x2).op("i32x4.add").set(sum).get(x1).get(x2).op("i32x4.sub").set(difference);
    f.get(x3).get(x4).op("i32x4.add").set(largeSum).get(x3).get(x4).op("i32x4.sub").set(largeDifference);
    f.get(x0).get(sum).op("i32x4.add").get(largeSum).op("i32x4.add").set(y0);
    f.get(largeDifference);
    shift(1).get(difference).op("i32x4.add").set(y1);
    f.get(largeSum);
    shift(2).get(sum).op("i32x4.add").set(y2);
    f.get(largeDifference);
    shift(1).get(x5).op("i32x4.add");
    shift(2).get(difference).op("i32x4.add").set(y3);
  };
}

/** Emits the division by 576 of vectors that are known to be multiples. */
export function quotient(f: FunctionBuilder): (vector: Local) => void {
  const inverse = f.local("v128");
  f.i32(INVERSE_OF_9).op("i32x4.splat").set(inverse);
  return (vector) => f.get(vector).get(inverse).op("i32x4.mul").i32(SHIFT).op("i32x4.shr_s").set(vector);
}
