import fc from "fast-check";
import type {
  ChannelRequantization,
  ConvolutionProblem,
  FloatConvolutionProblem,
  FloatWeightGradientProblem,
} from "../../../lib/arith/problem.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import type { Window } from "../../../lib/tensor/window.ts";
import {
  edgeInteger,
  filledArray,
  type KernelCase,
  randomFill,
  randomMultiplier,
  randomRange,
  randomShift,
} from "./values.ts";
import { randomWindow } from "./window.ts";

export interface ConvolutionShape {
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
}

/** Dense and grouped shapes whose channels cross the edges of the tiles. */
export function randomDenseShape(): fc.Arbitrary<ConvolutionShape> {
  return fc.record({
    window: randomWindow(9),
    groups: fc.constantFrom(1, 1, 2, 3),
    groupInputs: fc.integer({ min: 1, max: 9 }),
    groupOutputs: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.integer({ min: 30, max: 34 })),
  }).map(({ window, groups, groupInputs, groupOutputs }) => ({
    window,
    groups,
    inputChannels: groups * groupInputs,
    outputChannels: groups * groupOutputs,
  }));
}

/** 3x3 windows of stride 1 over images and channels that fit the tiles of minimal filtering, or nearly. */
export function randomSquareShape(): fc.Arbitrary<ConvolutionShape> {
  return fc.record({
    window: randomWindow(13, 3),
    height: fc.integer({ min: 3, max: 13 }),
    width: fc.integer({ min: 3, max: 13 }),
    channels: fc.constantFrom(8, 16, 24, 32, 40),
    outputs: fc.oneof(fc.integer({ min: 1, max: 10 }).map((vectors) => 4 * vectors), fc.constant(6)),
  }).map(({ window, height, width, channels, outputs }) => {
    const { padTop, padBottom, padLeft, padRight } = window;
    const square = { kernelHeight: 3, kernelWidth: 3, strideY: 1, strideX: 1, dilationY: 1, dilationX: 1 };
    const extents = {
      inputHeight: height,
      inputWidth: width,
      outputHeight: height + padTop + padBottom - 2,
      outputWidth: width + padLeft + padRight - 2,
    };
    return {
      window: { ...window, ...square, ...extents },
      inputChannels: channels,
      outputChannels: outputs,
      groups: 1,
    };
  });
}

export function randomDepthwiseShape(): fc.Arbitrary<ConvolutionShape> {
  return fc.record({ window: randomWindow(13, 6), channels: fc.integer({ min: 1, max: 18 }) })
    .map(({ window, channels }) => ({ window, groups: channels, inputChannels: channels, outputChannels: channels }));
}

/** Shifts of one problem's channels lie apart by little or much, so that all plans of the requantization are met. */
function randomShifts(channels: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(randomShift(), fc.constantFrom(0, 3, 20, 62), fc.integer()).map(([shift, spread, seed]) => {
    const random = seededRandom(seed);
    return Uint8Array.from({ length: channels }, () => Math.max(0, shift - random.integer(0, spread)));
  });
}

export function randomRequantization(channels: number): fc.Arbitrary<ChannelRequantization> {
  return fc.tuple(randomRange(), randomShifts(channels), fc.array(randomMultiplier(), { minLength: 1, maxLength: 5 }))
    .map(([range, shifts, multipliers]) => ({
      ...range,
      shifts,
      multipliers: Int32Array.from({ length: channels }, (_, o) => multipliers[o % multipliers.length]),
    }));
}

function sizesOf({ window: w, inputChannels, outputChannels, groups }: ConvolutionShape) {
  return {
    input: w.inputHeight * w.inputWidth * inputChannels,
    weights: outputChannels * w.kernelHeight * w.kernelWidth * inputChannels / groups,
    output: w.outputHeight * w.outputWidth * outputChannels,
  };
}

/** Integer convolutions with extreme weights, activations, zero points, multipliers and shifts; raw accumulators too. */
export function randomConvolution(
  shapes: fc.Arbitrary<ConvolutionShape>,
): fc.Arbitrary<KernelCase<ConvolutionProblem>> {
  return shapes.chain((shape) =>
    fc.record({
      output: fc.option(randomRequantization(shape.outputChannels), { freq: 5, nil: undefined }),
      inputZeroPoint: edgeInteger(0, 255),
      inputHigh: fc.constantFrom(255, 255, 127, 15),
      weightHigh: fc.constantFrom(127, 127, 31, 7),
      seed: fc.integer(),
      weightFill: randomFill(),
      inputFill: randomFill(),
      biasBits: fc.integer({ min: 0, max: 29 }),
    }).map(({ output, inputZeroPoint, inputHigh, weightHigh, seed, weightFill, inputFill, biasBits }) => {
      const sizes = sizesOf(shape);
      const biasLimits = [-(2 ** biasBits), 2 ** biasBits] as const;
      return {
        problem: {
          kind: "convolution" as const,
          ...shape,
          inputZeroPoint,
          inputHigh,
          weights: filledArray("i8", sizes.weights, [-weightHigh, weightHigh], weightFill, seed),
          bias: filledArray("i32", shape.outputChannels, biasLimits, "random", seed + 1),
          output,
        },
        inputs: [filledArray("u8", sizes.input, [0, inputHigh], inputFill, seed + 2)],
        output: allocate(output?.dtype ?? "i32", sizes.output),
      };
    })
  );
}

export function randomFloatConvolution(
  shapes: fc.Arbitrary<ConvolutionShape>,
): fc.Arbitrary<KernelCase<FloatConvolutionProblem>> {
  const limits = fc.constantFrom([-Infinity, Infinity], [0, Infinity], [0, 6], [-1, 1], [-Infinity, 0.5]);
  return fc.tuple(shapes, fc.integer(), limits).map(([shape, seed, [low, high]]) => {
    const sizes = sizesOf(shape);
    const random = seededRandom(seed);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    return {
      problem: {
        kind: "float_convolution" as const,
        ...shape,
        weights: normals(sizes.weights),
        bias: normals(shape.outputChannels),
        low,
        high,
      },
      inputs: [normals(sizes.input)],
      output: new Float32Array(sizes.output),
    };
  });
}

export function randomWeightGradient(
  shapes: fc.Arbitrary<ConvolutionShape>,
): fc.Arbitrary<KernelCase<FloatWeightGradientProblem>> {
  return fc.tuple(shapes, fc.integer()).map(([shape, seed]) => {
    const sizes = sizesOf(shape);
    const random = seededRandom(seed);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    return {
      problem: { kind: "float_weight_gradient" as const, ...shape },
      inputs: [normals(sizes.input), normals(sizes.output)],
      output: new Float32Array(sizes.weights),
    };
  });
}
