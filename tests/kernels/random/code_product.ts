import fc from "fast-check";
import type { CodeProductProblem } from "../../../lib/arith/problem.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { randomRequantization } from "./convolution.ts";
import { edgeInteger, filledArray, type KernelCase, randomFill } from "./values.ts";

/** Sizes that cross the edges of blocks and steps, and of vectors of activations. */
export function randomCodeProductSize(): fc.Arbitrary<Pick<CodeProductProblem, "positions" | "inputs" | "outputs">> {
  return fc.record({
    positions: fc.integer({ min: 1, max: 3 }),
    inputs: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 120, max: 330 })),
    outputs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 50 })),
  });
}

/** Products by codes of 1 to 4 bits with multipliers of either sign; accumulators too. */
export function randomCodeProduct(
  sizes: fc.Arbitrary<Pick<CodeProductProblem, "positions" | "inputs" | "outputs">> = randomCodeProductSize(),
): fc.Arbitrary<KernelCase<CodeProductProblem>> {
  return sizes.chain(({ positions, inputs, outputs }) =>
    fc.record({
      bits: fc.integer({ min: 1, max: 4 }),
      output: fc.option(randomRequantization(outputs), { freq: 4, nil: undefined }),
      inputZeroPoint: edgeInteger(0, 255),
      inputHigh: fc.constantFrom(255, 255, 127, 15),
      multiplierBits: fc.integer({ min: 1, max: 15 }),
      codeFill: randomFill(),
      inputFill: randomFill(),
      seed: fc.integer(),
    }).map(({ bits, output, inputZeroPoint, inputHigh, multiplierBits, codeFill, inputFill, seed }) => {
      const rowBytes = Math.ceil(inputs / 8);
      const codes = filledArray("u8", outputs * bits * rowBytes, [0, 255], codeFill, seed);
      if (inputs % 8 > 0) {
        for (let i = rowBytes - 1; i < codes.length; i += rowBytes) codes[i] &= 2 ** (inputs % 8) - 1;
      }
      // The whole sum stays an int32.
      const limit = Math.min(2 ** multiplierBits, Math.floor((2 ** 31 - 1 - 2 ** 20) / (255 * inputs * bits)));
      return {
        problem: {
          kind: "code_product" as const,
          positions,
          inputs,
          outputs,
          bits,
          inputZeroPoint,
          inputHigh,
          codes,
          multipliers: filledArray("i32", outputs * bits, [-limit, limit], "random", seed + 1),
          bias: filledArray("i32", outputs, [-(2 ** 20), 2 ** 20], "random", seed + 2),
          output,
        },
        inputs: [filledArray("u8", positions * inputs, [0, inputHigh], inputFill, seed + 3)],
        output: allocate(output?.dtype ?? "i32", positions * outputs),
      };
    })
  );
}
