import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import { allocate, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

/** Vectors of very different magnitudes, all of int32 among them, with clamps that bite; no block is filled. */
export function sampleDynamicProduct(positions: number, inputs: number, outputs: number): {
  readonly problem: DynamicProductProblem;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
} {
  const random = seededRandom(23);
  const integers = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => random.integer(low, high));
  const problem: DynamicProductProblem = {
    kind: "dynamic_product",
    positions,
    inputs,
    outputs,
    activationBits: 7,
    weights: Int8Array.from(integers(inputs * outputs, -127, 127)),
    bias: Int32Array.from(integers(outputs, -99999, 99999)),
    output: {
      dtype: "u8",
      zeroPoint: 100,
      low: 3,
      high: 250,
      multipliers: Int32Array.from(integers(outputs, 2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from(integers(outputs, 41, 45)),
    },
  };
  const magnitudes = [2 ** 9, 2 ** 16, 40, 2 ** 31];
  const input = Array.from(
    { length: positions },
    (_, p) => integers(inputs, -magnitudes[p % 4], magnitudes[p % 4] - 1),
  ).flat();
  return { problem, inputs: [Int32Array.from(input)], output: allocate("u8", positions * outputs) };
}
