import fc from "fast-check";
import type { ConvolutionSumProblem, SumTerm } from "../../../lib/arith/problem.ts";
import { accumulatorBounds } from "../../../lib/arith/bounds.ts";
import { allocate, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { type ConvolutionShape, randomConvolution } from "./convolution.ts";
import { SUMMAND_LIMITS } from "./elementwise.ts";
import {
  edgeInteger,
  filledArray,
  type KernelCase,
  randomDType,
  randomFill,
  randomMultiplier,
  randomRange,
  randomShift,
  randomZeroPoint,
} from "./values.ts";

/** Multipliers of one term, of either sign; single or per channel. */
function randomMultipliers(channels: number): fc.Arbitrary<Int32Array> {
  const multiplier = fc.tuple(fc.oneof(edgeInteger(0, 2 ** 31 - 1), randomMultiplier()), fc.constantFrom(1, 1, -1))
    .map(([b, sign]) => sign * b);
  return fc.tuple(fc.array(multiplier, { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([values, single]) => Int32Array.from({ length: single ? 1 : channels }, (_, c) => values[c % values.length]));
}

/** The largest |q - Z| of each channel. */
function magnitudes(values: TypedArray, channels: number, zeroPoint: number): Float64Array {
  const bounds = new Float64Array(channels);
  values.forEach((value, i) => {
    bounds[i % channels] = Math.max(bounds[i % channels], Math.abs(Number(value) - zeroPoint));
  });
  return bounds;
}

/** Convolutions whose accumulators are any one of 1 to 3 terms of a sum; the others are stored, of all dtypes. */
export function randomConvolutionSum(
  shapes: fc.Arbitrary<ConvolutionShape>,
): fc.Arbitrary<KernelCase<ConvolutionSumProblem>> {
  return randomConvolution(shapes).chain(({ problem, inputs, output }) => {
    const { window: { outputHeight, outputWidth }, outputChannels: channels } = problem;
    const multipliers = randomMultipliers(channels);
    const other = randomDType().chain((dtype) =>
      fc.record<SumTerm>({ dtype: fc.constant(dtype), zeroPoint: randomZeroPoint(dtype), multipliers })
    );
    return fc.record({
      ofConvolution: multipliers,
      others: fc.oneof(
        { weight: 4, arbitrary: fc.array(other, { minLength: 1, maxLength: 1 }) },
        fc.array(other, { maxLength: 2 }),
      ),
      boundsKnown: fc.boolean(),
      position: fc.nat(2),
      shift: randomShift(),
      range: randomRange(),
      fill: randomFill(),
      seed: fc.integer(),
    }).map(({ ofConvolution, others, boundsKnown, position, shift, range, fill, seed }) => {
      const term = Math.min(position, others.length);
      const accumulators: SumTerm = { dtype: "i32", zeroPoint: 0, multipliers: ofConvolution };
      const values = others.map(({ dtype }, t) =>
        filledArray(dtype, output.length, SUMMAND_LIMITS[dtype], fill, seed + t)
      );
      const bounds = others.map(({ zeroPoint }, t) =>
        boundsKnown ? magnitudes(values[t], channels, zeroPoint) : undefined
      );
      return {
        problem: {
          ...problem,
          kind: "convolution_sum" as const,
          output: undefined,
          sum: {
            kind: "sum" as const,
            pixels: outputHeight * outputWidth,
            channels,
            terms: others.toSpliced(term, 0, accumulators),
            shift,
            output: range,
          },
          term,
          bounds: bounds.toSpliced(term, 0, accumulatorBounds(problem)),
        },
        inputs: [...inputs, ...values],
        output: allocate(range.dtype, output.length),
      };
    });
  });
}
