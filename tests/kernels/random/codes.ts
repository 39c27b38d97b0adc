import fc from "fast-check";
import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import type { ConvolutionProblem, RecurrentProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import type { ConvolutionShape } from "./convolution.ts";
import { filledArray, type KernelCase, randomFill } from "./values.ts";

/** Vectors by matrices, whose columns cross the edges of bytes, of pieces and of units of codes. */
export function randomProductShape(): fc.Arbitrary<ConvolutionShape> {
  return fc.record({
    positions: fc.constantFrom(1, 1, 1, 2, 3),
    inputChannels: fc.oneof(
      fc.integer({ min: 1, max: 140 }),
      fc.integer({ min: 250, max: 330 }),
      fc.integer({ min: 500, max: 600 }),
    ),
    outputChannels: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 50 })),
  }).map(({ positions, ...channels }) => ({
    window: { ...POINT_WINDOW, inputWidth: positions, outputWidth: positions },
    ...channels,
    groups: 1,
  }));
}

/** The case with weights that are codes of 1 to 4 bits; in groups of columns too with `grouped`. */
export function withCodes<P extends ConvolutionProblem | RecurrentProblem | DynamicProductProblem>(
  cases: fc.Arbitrary<KernelCase<P>>,
  grouped: boolean = false,
): fc.Arbitrary<KernelCase<P>> {
  const random = fc.record({
    bits: fc.integer({ min: 1, max: 4 }),
    fill: randomFill(),
    multiplierFill: randomFill(),
    seed: fc.integer(),
    groups: fc.integer({ min: 1, max: grouped ? 3 : 1 }),
  });
  return fc.tuple(cases, random).map(([{ problem, ...rest }, { bits, fill, multiplierFill, seed, groups }]) => {
    const rows = problem.bias.length;
    const columns = problem.weights.length / rows;
    const groupColumns = Math.ceil(columns / groups);
    const elements = filledArray("u8", rows * columns, [0, 2 ** bits - 1], fill, seed);
    const largest = Math.floor(127 / bits);
    const multipliers = filledArray(
      "i8",
      rows * Math.ceil(columns / groupColumns) * bits,
      [-largest, largest],
      multiplierFill,
      seed + 1,
    );
    const codes = { bits, groupColumns, planes: packPlanes(elements, rows, columns, bits), multipliers };
    return { ...rest, problem: { ...problem, weights: codedWeights(codes, rows, columns), codes } };
  });
}
