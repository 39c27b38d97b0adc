import fc from "fast-check";
import type {
  ChannelRequantization,
  ConvolutionProblem,
  FloatConvolutionProblem,
  IntegerDType,
  OutputRange,
} from "../../lib/arith/problem.ts";
import type { Window } from "../../lib/tensor/window.ts";
import { seededRandom } from "../../lib/tensor/random.ts";

/** One axis of a window that has at least one output position. */
interface Axis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

function axis(largestInput: number): fc.Arbitrary<Axis> {
  return fc.record({
    input: fc.integer({ min: 1, max: largestInput }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 3 }),
  }).filter((a) => outputExtent(a) >= 1);
}

function outputExtent({ input, kernel, stride, dilation, before, after }: Axis): number {
  return Math.floor((input + before + after - (kernel - 1) * dilation - 1) / stride) + 1;
}

/** Windows with strides 1..3, dilations, and padding that differs on each side; some without padding. */
export function randomWindow(largestInput: number): fc.Arbitrary<Window> {
  return fc.tuple(axis(largestInput), axis(largestInput), fc.boolean()).map(([vertical, horizontal, padded]) => {
    const unpadded = (a: Axis): Axis => ({ ...a, before: 0, after: 0 });
    const bare = [unpadded(vertical), unpadded(horizontal)];
    const [v, h] = !padded && bare.every((a) => outputExtent(a) >= 1) ? bare : [vertical, horizontal];
    return {
      inputHeight: v.input,
      inputWidth: h.input,
      outputHeight: outputExtent(v),
      outputWidth: outputExtent(h),
      kernelHeight: v.kernel,
      kernelWidth: h.kernel,
      strideY: v.stride,
      strideX: h.stride,
      dilationY: v.dilation,
      dilationX: h.dilation,
      padTop: v.before,
      padLeft: h.before,
      padBottom: v.after,
      padRight: h.after,
    };
  });
}

/** Integers low..high, often one of the two. */
export function edgeInteger(low: number, high: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: low, max: high }) },
    { weight: 1, arbitrary: fc.constantFrom(low, high) },
  );
}

export const DTYPE_LIMITS: Record<IntegerDType, readonly [number, number]> = {
  u8: [0, 255],
  u16: [0, 65535],
  i32: [-(2 ** 31), 2 ** 31 - 1],
};

export function randomDType(): fc.Arbitrary<IntegerDType> {
  return fc.constantFrom<IntegerDType>("u8", "u16", "i32");
}

/** Ranges within a dtype, often all of it. */
export function randomRange(): fc.Arbitrary<OutputRange> {
  return randomDType().chain((dtype) => {
    const [lowest, highest] = DTYPE_LIMITS[dtype];
    const limit = edgeInteger(lowest, highest);
    return fc.record({ dtype: fc.constant(dtype), zeroPoint: limit, limits: fc.tuple(limit, limit), all: fc.boolean() })
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

/** How far the shifts of one problem's channels may lie apart; together they reach every plan of the requantization. */
function randomShifts(channels: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(edgeInteger(0, 62), fc.constantFrom(0, 3, 20, 62), fc.integer()).map(([shift, spread, seed]) => {
    const random = seededRandom(seed);
    return Uint8Array.from({ length: channels }, () => Math.max(0, shift - random.integer(0, spread)));
  });
}

function randomRequantization(channels: number): fc.Arbitrary<ChannelRequantization> {
  return fc.tuple(randomRange(), randomShifts(channels), fc.array(randomMultiplier(), { minLength: 1, maxLength: 5 }))
    .map(([range, shifts, multipliers]) => ({
      ...range,
      shifts,
      multipliers: Int32Array.from({ length: channels }, (_, o) => multipliers[o % multipliers.length]),
    }));
}

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

export function randomDepthwiseShape(): fc.Arbitrary<ConvolutionShape> {
  return fc.record({ window: randomWindow(9), channels: fc.integer({ min: 1, max: 18 }) })
    .map(({ window, channels }) => ({
      window,
      groups: channels,
      inputChannels: channels,
      outputChannels: channels,
    }));
}

export interface ConvolutionCase<P> {
  readonly problem: P;
  readonly input: P extends FloatConvolutionProblem ? Float32Array : Uint8Array;
}

type Fill = "random" | "largest" | "smallest";

/** Integer convolutions with extreme weights, activations, zero points, multipliers and shifts; raw accumulators too. */
export function randomConvolution(
  shapes: fc.Arbitrary<ConvolutionShape>,
): fc.Arbitrary<ConvolutionCase<ConvolutionProblem>> {
  const fill = fc.constantFrom<Fill>("random", "random", "largest", "smallest");
  return shapes.chain((shape) =>
    fc.record({
      output: fc.option(randomRequantization(shape.outputChannels), { freq: 5, nil: undefined }),
      inputZeroPoint: edgeInteger(0, 255),
      inputHigh: fc.constantFrom(255, 255, 127, 15),
      seed: fc.integer(),
      weightFill: fill,
      inputFill: fill,
      biasBits: fc.integer({ min: 0, max: 29 }),
    }).map(({ output, inputZeroPoint, inputHigh, seed, weightFill, inputFill, biasBits }) => {
      const random = seededRandom(seed);
      const pick = (how: Fill, low: number, high: number): number =>
        how === "random" ? random.integer(low, high) : how === "largest" ? high : low;
      const { window: w, inputChannels, outputChannels, groups } = shape;
      const weightCount = outputChannels * w.kernelHeight * w.kernelWidth * inputChannels / groups;
      const problem: ConvolutionProblem = {
        kind: "convolution",
        ...shape,
        inputZeroPoint,
        inputHigh,
        weights: Int8Array.from({ length: weightCount }, () => pick(weightFill, -127, 127)),
        bias: Int32Array.from({ length: outputChannels }, () => random.integer(-(2 ** biasBits), 2 ** biasBits)),
        output,
      };
      const inputSize = w.inputHeight * w.inputWidth * inputChannels;
      const input = Uint8Array.from({ length: inputSize }, () => pick(inputFill, 0, inputHigh));
      return { problem, input };
    })
  );
}

export function outputSize({ window, outputChannels }: ConvolutionShape): number {
  return window.outputHeight * window.outputWidth * outputChannels;
}
