import fc from "fast-check";
import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { DTYPE_LIMITS, filledArray, type KernelCase, randomFill } from "./values.ts";

/** Vectors of magnitudes from 0 to all of int32, by all widths of activations; tiles and loops are met, and their ends. */
export function randomDynamicProduct(): fc.Arbitrary<KernelCase<DynamicProductProblem>> {
  const extent = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 70 }));
  return fc.record({
    positions: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 1, arbitrary: fc.integer({ min: 12, max: 45 }) },
    ),
    inputs: fc.oneof(extent, fc.integer({ min: 120, max: 330 }), fc.integer({ min: 500, max: 600 })),
    outputs: extent,
    activationBits: fc.integer({ min: 2, max: 8 }),
    magnitudes: fc.array(fc.integer({ min: 0, max: 31 }), { minLength: 3, maxLength: 3 }),
    weightLimit: fc.constantFrom(1, 7, 127),
    biasBits: fc.integer({ min: 0, max: 30 }),
    /** Of the largest e, and a little more than the shifts that proper outputs have. */
    slack: fc.integer({ min: 0, max: 28 }),
    dtype: fc.constantFrom("u8" as const, "u16" as const, "i32" as const),
    fill: randomFill(),
    seed: fc.nat(),
  }).map((values) => {
    const { positions, inputs, outputs, activationBits, magnitudes, weightLimit, biasBits, slack, dtype, fill, seed } =
      values;
    const [low, high] = DTYPE_LIMITS[dtype];
    const shift = 33 - activationBits + slack;
    const input = new Int32Array(positions * inputs);
    for (let p = 0; p < positions; p++) {
      const end = 2 ** magnitudes[p % magnitudes.length];
      input.set(filledArray("i32", inputs, [-end, end - 1], fill, seed + p), p * inputs);
    }
    return {
      problem: {
        kind: "dynamic_product" as const,
        positions,
        inputs,
        outputs,
        activationBits,
        weights: filledArray("i8", inputs * outputs, [-weightLimit, weightLimit], "random", seed + 3),
        bias: filledArray("i32", outputs, [-(2 ** biasBits), 2 ** biasBits - 1], fill, seed + 4),
        output: {
          dtype,
          zeroPoint: dtype === "u8" ? 118 : 0,
          low: dtype === "i32" ? low + 1 : low,
          high,
          multipliers: filledArray("i32", outputs, [2 ** 30, 2 ** 31 - 1], "random", seed + 5),
          shifts: Uint8Array.from({ length: outputs }, (_, o) => Math.min(62, shift + o % 3)),
        },
      },
      inputs: [input],
      output: allocate(dtype, positions * outputs),
    };
  });
}
