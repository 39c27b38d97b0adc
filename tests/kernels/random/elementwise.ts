import fc from "fast-check";
import type { ConcatPart, ConcatProblem, CopyProblem, IntegerDType, SumProblem } from "../../../lib/arith/problem.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { rowMajorStrides, sizeOf } from "../../../lib/tensor/shape.ts";
import {
  DTYPE_LIMITS,
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

/** Stored integers of a wide summand: four of them times 2^31 stay an int64. */
export const SUMMAND_LIMITS: Record<IntegerDType, readonly [number, number]> = {
  ...DTYPE_LIMITS,
  i32: [-(2 ** 29), 2 ** 29],
};

/** Sums of 1 to 4 terms of all dtypes, multipliers of either sign, single or per channel. */
export function randomSum(): fc.Arbitrary<KernelCase<SumProblem>> {
  return fc.record({ pixels: fc.integer({ min: 1, max: 6 }), channels: fc.integer({ min: 1, max: 11 }) })
    .chain(({ pixels, channels }) => {
      const multiplier = fc.tuple(edgeInteger(0, 2 ** 31 - 1), fc.constantFrom(1, 1, -1)).map(([b, sign]) => sign * b);
      const term = randomDType().chain((dtype) =>
        fc.record({
          dtype: fc.constant(dtype),
          zeroPoint: randomZeroPoint(dtype),
          multipliers: fc.oneof(
            fc.array(multiplier, { minLength: 1, maxLength: 1 }),
            fc.array(multiplier, { minLength: channels, maxLength: channels }),
          ).map((values) => Int32Array.from(values)),
        })
      );
      return fc.record({
        terms: fc.array(term, { minLength: 1, maxLength: 4 }),
        shift: randomShift(),
        output: randomRange(),
        seed: fc.integer(),
        fill: randomFill(),
      }).map(({ terms, shift, output, seed, fill }) => {
        const length = pixels * channels;
        return {
          problem: { kind: "sum" as const, pixels, channels, terms, shift, output },
          inputs: terms.map(({ dtype }, t) => filledArray(dtype, length, SUMMAND_LIMITS[dtype], fill, seed + t)),
          output: allocate(output.dtype, length),
        };
      });
    });
}

/** Concatenations of 1 to 4 parts of all dtypes; parts of the output's dtype are copied now and then. */
export function randomConcat(): fc.Arbitrary<KernelCase<ConcatProblem>> {
  return randomRange().chain((output) => {
    const part = randomDType().chain((dtype) => {
      const rescale = fc.record({ multiplier: randomMultiplier(), shift: randomShift() });
      return fc.record({
        dtype: fc.constant(dtype),
        inner: fc.oneof(fc.integer({ min: 1, max: 18 }), fc.integer({ min: 60, max: 140 })),
        zeroPoint: randomZeroPoint(dtype),
        rescale: dtype === output.dtype ? fc.option(rescale, { nil: undefined }) : rescale,
      });
    });
    return fc.record({
      outer: fc.integer({ min: 1, max: 4 }),
      parts: fc.array<ConcatPart>(part, { minLength: 1, maxLength: 4 }),
      seed: fc.integer(),
      fill: randomFill(),
    }).map(({ outer, parts, seed, fill }) => ({
      problem: { kind: "concat" as const, outer, parts, output },
      inputs: parts.map(({ dtype, inner }, p) =>
        filledArray(dtype, outer * inner, DTYPE_LIMITS[dtype], fill, seed + p)
      ),
      output: allocate(output.dtype, parts.reduce((total, { inner }) => total + outer * inner, 0)),
    }));
  });
}

/**
 * Copies between two dense arrays: both sides see the axes in an order of their own, the source may run backwards or
 * stand still (stride 0), the target may have a margin.
 */
export function randomCopy(): fc.Arbitrary<KernelCase<CopyProblem>> {
  const axis = fc.record({
    extent: fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.constantFrom(0, 40, 70)),
    margin: fc.constantFrom(0, 0, 0, 2),
    source: fc.constantFrom("forward", "forward", "forward", "backward", "still"),
    sourceRank: fc.integer(),
    targetRank: fc.integer(),
  });
  return fc.record({
    dtype: randomDType(),
    axes: fc.array(axis, { maxLength: 4 }),
    inOrder: fc.boolean(),
    seed: fc.nat(),
  })
    .map(({ dtype, axes, inOrder, seed }) => {
      const shape = axes.map(({ extent }) => extent);
      const stridesBy = (extents: number[], rank: (i: number) => number): number[] => {
        const order = axes.map((_, i) => i).sort((a, b) => inOrder ? a - b : rank(a) - rank(b) || a - b);
        const dense = rowMajorStrides(order.map((i) => extents[i]));
        return axes.map((_, i) => dense[order.indexOf(i)]);
      };
      const targetExtents = axes.map(({ extent, margin }) => extent + margin);
      const targetStrides = stridesBy(targetExtents, (i) => axes[i].targetRank);
      let sourceOffset = 3;
      const sourceStrides = stridesBy(shape, (i) => axes[i].sourceRank).map((stride, i) => {
        if (axes[i].source === "still") return 0;
        if (axes[i].source === "forward" || shape[i] === 0) return stride;
        sourceOffset += stride * (shape[i] - 1);
        return -stride;
      });
      const targetOffset = axes.reduce((total, { margin }, i) => total + Math.floor(margin / 2) * targetStrides[i], 0);
      const targetSize = sizeOf(targetExtents);
      return {
        problem: {
          kind: "copy" as const,
          dtype,
          shape,
          sourceOffset,
          sourceStrides,
          targetOffset,
          targetStrides,
          targetSize,
          fill: DTYPE_LIMITS[dtype][seed % 2] + (seed % 2 === 0 ? 1 : -1) * (seed % 250),
        },
        inputs: [filledArray(dtype, sizeOf(shape) + 3, DTYPE_LIMITS[dtype], "random", seed)],
        output: allocate(dtype, targetSize),
      };
    });
}
