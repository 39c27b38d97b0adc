import type { CodeProductProblem } from "../../../lib/arith/problem.ts";
import { allocate, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

/** A product by codes of 3 bits with clamps that bite, inputs and outputs that fill no block. */
export function sampleCodeProduct(): {
  readonly problem: CodeProductProblem;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
} {
  const random = seededRandom(23);
  const [positions, inputs, outputs, bits] = [2, 176, 37, 3];
  const integers = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => random.integer(low, high));
  const problem: CodeProductProblem = {
    kind: "code_product",
    positions,
    inputs,
    outputs,
    bits,
    inputZeroPoint: 117,
    inputHigh: 255,
    codes: Uint8Array.from(integers(outputs * bits * inputs / 8, 0, 255)),
    multipliers: Int32Array.from(integers(outputs * bits, -9999, 9999)),
    bias: Int32Array.from(integers(outputs, -99999, 99999)),
    output: {
      dtype: "u8",
      zeroPoint: 100,
      low: 3,
      high: 250,
      multipliers: Int32Array.from(integers(outputs, 2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from(integers(outputs, 46, 50)),
    },
  };
  return {
    problem,
    inputs: [Uint8Array.from(integers(positions * inputs, 0, 255))],
    output: allocate("u8", positions * outputs),
  };
}
