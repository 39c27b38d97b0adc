import assert from "node:assert/strict";
import fc from "fast-check";
import type { Problem } from "../../../kernels/kernel.ts";
import { runReference } from "../../../kernels/mod.ts";
import { featuresHere } from "../../../kernels/x64/cpu_features.ts";
import { NATIVE_KERNELS, nativeKernelsFor, selectNativeKernel } from "../../../kernels/x64/mod.ts";
import type { NativeKernel } from "../../../kernels/x64/native_kernel.ts";
import type { ConvolutionProblem, ConvolutionSumProblem, RecurrentProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import { randomProductShape, withCodes } from "../random/codes.ts";
import {
  randomConvolution,
  randomDenseShape,
  randomDepthwiseShape,
  randomFloatConvolution,
  randomWeightGradient,
} from "../random/convolution.ts";
import { randomConvolutionSum } from "../random/convolution_sum.ts";
import { randomDynamicProduct } from "../random/dynamic_product.ts";
import { randomConcat, randomCopy, randomSum } from "../random/elementwise.ts";
import {
  randomFloatAveragePool,
  randomFloatConcat,
  randomFloatMaxPool,
  randomFloatProduct,
  randomFloatSum,
} from "../random/float.ts";
import { randomAveragePool, randomMaxPool } from "../random/pool.ts";
import { randomGather, randomGru, randomLstm, randomRnn, randomTable } from "../random/recurrent.ts";
import { type KernelCase, withOneNaN } from "../random/values.ts";
import { randomWindow } from "../random/window.ts";
import { EXECUTES_NATIVE } from "./native_here.ts";
import { runNativeKernel } from "./run_native_kernel.ts";

/** A square image under a square window that leaves its size. */
function sameSize(extent: number, kernel: number) {
  const pad = (kernel - 1) / 2;
  return {
    ...POINT_WINDOW,
    inputHeight: extent,
    inputWidth: extent,
    outputHeight: extent,
    outputWidth: extent,
    kernelHeight: kernel,
    kernelWidth: kernel,
    padTop: pad,
    padLeft: pad,
    padBottom: pad,
    padRight: pad,
  };
}

/** Sizes that meet whole tiles, loops over sums, rows in one tile, and several blocks of outputs. */
const LARGE_SHAPES = [
  { window: POINT_WINDOW, inputChannels: 1023, outputChannels: 1031, groups: 1 },
  { window: sameSize(28, 3), inputChannels: 16, outputChannels: 16, groups: 1 },
  { window: sameSize(14, 3), inputChannels: 32, outputChannels: 70, groups: 1 },
  { window: sameSize(7, 3), inputChannels: 64, outputChannels: 64, groups: 2 },
  { window: sameSize(20, 1), inputChannels: 37, outputChannels: 48, groups: 1 },
] as const;

/** A loop for each group, block, tile row, tile column, kernel row, tap and step: more than there are registers. */
const MANY_LOOPS = { window: sameSize(33, 3), inputChannels: 104, outputChannels: 134, groups: 2 };

/** Shapes whose steps are of one tap, so that taps on padding are left out. */
const SHAPES_OF_WHOLE_STEPS = fc.record({
  window: randomWindow(17, 5),
  groups: fc.constantFrom(1, 1, 2, 3),
  groupInputs: fc.constantFrom(4, 8, 12, 20),
  groupOutputs: fc.constantFrom(1, 7, 16, 30, 33, 70),
}).map(({ window, groups, groupInputs, groupOutputs }) => ({
  window,
  inputChannels: groups * groupInputs,
  outputChannels: groups * groupOutputs,
  groups,
}));

/** The case with uint8 outputs, shifts within these, and no dilation along rows, which some kernels ask for. */
const asBytesOf = (least: number, most: number) =>
(
  { problem, inputs, output }: KernelCase<ConvolutionProblem>,
): KernelCase<ConvolutionProblem> => {
  if (problem.output === undefined || problem.window.dilationX !== 1) return { problem, inputs, output };
  const { zeroPoint, low, high, shifts } = problem.output;
  const bytes = {
    ...problem.output,
    dtype: "u8" as const,
    zeroPoint: zeroPoint & 255,
    low: Math.min(low & 255, high & 255),
    high: Math.max(low & 255, high & 255),
    shifts: shifts.map((shift) => least + shift % (most - least + 1)),
  };
  return { problem: { ...problem, output: bytes }, inputs, output: new Uint8Array(output.length) };
};

/** Scales below 1, and scales as layers have them, for which there is shorter code. */
const asBytes = asBytesOf(31, 62);
const asBytesOfLayers = asBytesOf(33, 53);

/** The sum with uint8 outputs, and a shift and multipliers as those of layers: the other term's are larger. */
function asSummedBytes(
  { problem, inputs, output }: KernelCase<ConvolutionSumProblem>,
): KernelCase<ConvolutionSumProblem> {
  const { sum, term } = problem;
  const { zeroPoint, low, high } = sum.output;
  const limits = [low & 255, high & 255].toSorted((a, b) => a - b);
  const terms = sum.terms.map((each, t) => ({
    ...each,
    multipliers: each.multipliers.map((b) => t === term || each.dtype === "i32" ? b >> 6 : Math.abs(b)),
  }));
  const range = { dtype: "u8" as const, zeroPoint: zeroPoint & 255, low: limits[0], high: limits[1] };
  const shift = 29 + sum.shift % 12;
  return {
    problem: { ...problem, sum: { ...sum, terms, shift, output: range } },
    inputs,
    output: new Uint8Array(output.length),
  };
}

/** Sizes for which tiles pay, where the processor has them. */
const TILE_SHAPES = [
  { window: sameSize(17, 1), inputChannels: 64, outputChannels: 32, groups: 1 },
  { window: sameSize(12, 3), inputChannels: 48, outputChannels: 33, groups: 1 },
] as const;

/** Shapes whose pixels lie 2 KiB or 4 KiB apart in float32. */
const SHAPES_OF_SHARED_SETS = fc.record({
  window: randomWindow(7, 3),
  inputChannels: fc.constantFrom(512, 1024),
  groups: fc.constantFrom(1, 2),
  groupOutputs: fc.integer({ min: 1, max: 5 }),
}).map(({ window, inputChannels, groups, groupOutputs }) => ({
  window,
  inputChannels,
  outputChannels: groups * groupOutputs,
  groups,
}));

const LARGE_DEPTHWISE = [[28, 3, 48], [14, 5, 33], [9, 7, 16], [7, 3, 150], [9, 5, 64]] as const;

const LARGE_RECURRENCE = fc.constant({ steps: 2, batch: 1, hidden: 301 });

const FAMILIES: readonly { name: string; cases: fc.Arbitrary<KernelCase>; runs: number }[] = [
  { name: "dense and grouped convolution", cases: randomConvolution(randomDenseShape()), runs: 400 },
  { name: "dense convolution to bytes", cases: randomConvolution(randomDenseShape()).map(asBytes), runs: 250 },
  {
    name: "large dense convolution to bytes",
    cases: randomConvolution(fc.constantFrom(...LARGE_SHAPES)).map(asBytes),
    runs: 20,
  },
  { name: "dense layer to bytes", cases: randomConvolution(randomDenseShape()).map(asBytesOfLayers), runs: 400 },
  {
    name: "depthwise layer to bytes",
    cases: randomConvolution(randomDepthwiseShape()).map(asBytesOfLayers),
    runs: 250,
  },
  {
    name: "large layer to bytes",
    cases: randomConvolution(fc.constantFrom(...LARGE_SHAPES)).map(asBytesOfLayers),
    runs: 20,
  },
  {
    name: "layer by tiles to bytes",
    cases: randomConvolution(fc.constantFrom(...TILE_SHAPES)).map(asBytesOfLayers),
    runs: 50,
  },
  { name: "large dense convolution", cases: randomConvolution(fc.constantFrom(...LARGE_SHAPES)), runs: 20 },
  { name: "convolution of many loops with a sum", cases: randomConvolutionSum(fc.constant(MANY_LOOPS)), runs: 3 },
  { name: "convolution of whole steps", cases: randomConvolution(SHAPES_OF_WHOLE_STEPS), runs: 500 },
  {
    name: "convolution of whole steps with a sum",
    cases: randomConvolutionSum(SHAPES_OF_WHOLE_STEPS),
    runs: 100,
  },
  { name: "convolution by tiles", cases: randomConvolution(fc.constantFrom(...TILE_SHAPES)), runs: 100 },
  { name: "depthwise convolution", cases: randomConvolution(randomDepthwiseShape()), runs: 250 },
  { name: "depthwise convolution to bytes", cases: randomConvolution(randomDepthwiseShape()).map(asBytes), runs: 400 },
  {
    name: "large depthwise convolution",
    cases: randomConvolution(
      fc.constantFrom(...LARGE_DEPTHWISE).map(([extent, kernel, channels]) => ({
        window: sameSize(extent, kernel),
        inputChannels: channels,
        outputChannels: channels,
        groups: channels,
      })),
    ).map(asBytes),
    runs: 30,
  },
  { name: "convolution with a sum", cases: randomConvolutionSum(randomDenseShape()), runs: 400 },
  { name: "depthwise convolution with a sum", cases: randomConvolutionSum(randomDepthwiseShape()), runs: 400 },
  { name: "layer with a sum", cases: randomConvolutionSum(randomDenseShape()).map(asSummedBytes), runs: 500 },
  {
    name: "depthwise layer with a sum",
    cases: randomConvolutionSum(randomDepthwiseShape()).map(asSummedBytes),
    runs: 200,
  },
  {
    name: "large layer with a sum",
    cases: randomConvolutionSum(fc.constantFrom(...LARGE_SHAPES)).map(asSummedBytes),
    runs: 20,
  },
  {
    name: "layer by tiles with a sum",
    cases: randomConvolutionSum(fc.constantFrom(...TILE_SHAPES)).map(asSummedBytes),
    runs: 50,
  },
  { name: "large convolution with a sum", cases: randomConvolutionSum(fc.constantFrom(...LARGE_SHAPES)), runs: 20 },
  {
    name: "convolution by tiles with a sum",
    cases: randomConvolutionSum(fc.constantFrom(...TILE_SHAPES)),
    runs: 250,
  },
  { name: "sum", cases: randomSum(), runs: 400 },
  { name: "average pool", cases: randomAveragePool(), runs: 800 },
  { name: "max pool", cases: randomMaxPool(), runs: 400 },
  { name: "concat", cases: randomConcat(), runs: 400 },
  { name: "product by codes", cases: withCodes(randomConvolution(randomProductShape())), runs: 500 },
  { name: "copy", cases: randomCopy(), runs: 400 },
  { name: "gather", cases: randomGather(), runs: 150 },
  { name: "table", cases: randomTable(), runs: 150 },
  { name: "lstm", cases: randomLstm(), runs: 400 },
  { name: "gru", cases: randomGru(), runs: 300 },
  { name: "rnn", cases: randomRnn(), runs: 300 },
  { name: "lstm of codes", cases: withCodes(randomLstm()), runs: 300 },
  { name: "gru of codes", cases: withCodes(randomGru()), runs: 300 },
  { name: "rnn of codes", cases: withCodes(randomRnn()), runs: 300 },
  { name: "product of dynamic scales", cases: randomDynamicProduct(), runs: 600 },
  { name: "product of dynamic scales by codes", cases: withCodes(randomDynamicProduct()), runs: 400 },
  { name: "large lstm", cases: randomLstm(LARGE_RECURRENCE), runs: 6 },
  { name: "large gru", cases: randomGru(LARGE_RECURRENCE), runs: 6 },
  { name: "float sum", cases: randomFloatSum(), runs: 200 },
  { name: "float max pool", cases: randomFloatMaxPool(), runs: 400 },
  { name: "float average pool", cases: randomFloatAveragePool(), runs: 400 },
  { name: "float product", cases: randomFloatProduct(), runs: 200 },
  { name: "float concatenation", cases: randomFloatConcat(), runs: 200 },
  { name: "float convolution", cases: randomFloatConvolution(randomDenseShape()), runs: 250 },
  {
    name: "float convolution of pixels that share cache sets",
    cases: randomFloatConvolution(SHAPES_OF_SHARED_SETS),
    runs: 100,
  },
  { name: "float depthwise convolution", cases: randomFloatConvolution(randomDepthwiseShape()), runs: 250 },
  { name: "weight gradient", cases: randomWeightGradient(randomDenseShape()), runs: 250 },
  { name: "depthwise weight gradient", cases: randomWeightGradient(randomDepthwiseShape()), runs: 250 },
  { name: "large weight gradient", cases: randomWeightGradient(fc.constantFrom(...LARGE_SHAPES)), runs: 5 },
  { name: "large float convolution", cases: randomFloatConvolution(fc.constantFrom(...LARGE_SHAPES)), runs: 10 },
];

const KERNELS_HERE = nativeKernelsFor(featuresHere());
const runsByKernel = new Map<string, number>();

function kernelsFor(problem: Problem, list: readonly NativeKernel[] = NATIVE_KERNELS): NativeKernel[] {
  return list.filter((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
}

for (const { name, cases, runs } of FAMILIES) {
  Deno.test(
    `${name}: every native kernel equals the reference, and writes nothing but its output`,
    EXECUTES_NATIVE,
    () => {
      fc.assert(
        fc.property(cases, ({ problem, inputs, output }) => {
          const states = inputs.map((input) => input.slice());
          runReference(problem, states, output);
          const expected = withOneNaN(output);
          const kernels = kernelsFor(problem, KERNELS_HERE);
          assert.equal(selectNativeKernel(problem), kernels.find((kernel) => kernel.isFaster?.(problem) ?? true));
          for (const kernel of kernels) {
            runsByKernel.set(kernel.name, (runsByKernel.get(kernel.name) ?? 0) + 1);
            const own = inputs.map((input) => input.slice());
            assert.deepEqual(withOneNaN(runNativeKernel(kernel, problem, own, output)), expected, kernel.name);
            assert.deepEqual(own, states, `${kernel.name}: inputs, overwritten or not`);
          }
        }),
        { numRuns: runs },
      );
    },
  );
}

Deno.test("the tests above have run every native kernel of the list", EXECUTES_NATIVE, () => {
  for (const { name } of KERNELS_HERE) assert((runsByKernel.get(name) ?? 0) >= 100, `${name} ran too rarely`);
});

/** The problem with other weights, biases, zero points, limits, multipliers and shifts; outputs keep their form. */
function withOtherValues(problem: ConvolutionProblem): ConvolutionProblem {
  const { weights, bias, output } = problem;
  return {
    ...problem,
    inputZeroPoint: 255 - problem.inputZeroPoint,
    weights: weights.map((w) => 1 - Math.abs(w)),
    bias: bias.map((b) => b >> 1),
    output: output && {
      ...output,
      zeroPoint: output.zeroPoint >> 1,
      low: output.low >> 1,
      high: output.high >> 1,
      multipliers: output.multipliers.map((b) => 2 ** 30 + (b & 0xffff)),
      shifts: output.shifts.map((c) => (c < 31 ? 30 : c < 33 ? 63 : c <= 53 ? 86 : 116) - c),
    },
  };
}

Deno.test("native code has no values of the problem in it, and is the same every time", () => {
  for (const shape of [randomDenseShape(), randomDepthwiseShape()]) {
    const cases = randomConvolution(shape);
    for (const { problem } of [...fc.sample(cases, 20), ...fc.sample(cases.map(asBytesOfLayers), 20)]) {
      for (const kernel of kernelsFor(problem)) {
        const other = withOtherValues(problem);
        assert.deepEqual(kernel.generate(other), kernel.generate(problem), kernel.name);
        assert.equal(kernel.pack(other).length, kernel.pack(problem).length);
      }
    }
  }
});

/** The recurrence with other values everywhere, and the same sizes. */
function withOtherSteps<P extends RecurrentProblem>(problem: P): P {
  const { weights, bias, inputMultipliers, recurrentMultipliers, shift, cellTable, output } = problem;
  return {
    ...problem,
    weights: weights.map((w) => 1 - Math.abs(w)),
    bias: bias.map((b) => b >> 1),
    inputMultipliers: inputMultipliers.map((b) => b >> 1),
    recurrentMultipliers: recurrentMultipliers.map((b) => b >> 2),
    shift: 62 - shift,
    cellTable: cellTable.map((value) => value >> 1),
    ...problem.kind !== "rnn" && { gateTable: problem.gateTable.map((value) => value >> 1) },
    ...problem.kind === "lstm" && { cellBits: 15 - problem.cellBits },
    ...problem.kind === "gru" && { stateBits: 15 - problem.stateBits },
    output: { ...output, zeroPoint: 255 - output.zeroPoint, low: 1, high: 2, multiplier: 5, shift: 62 - output.shift },
  };
}

Deno.test("native code of recurrences has no values of the problem in it", () => {
  for (
    const { problem } of [...fc.sample(randomLstm(), 10), ...fc.sample(randomGru(), 20), ...fc.sample(randomRnn(), 10)]
  ) {
    for (const kernel of kernelsFor(problem)) {
      const other = withOtherSteps<RecurrentProblem>(problem);
      assert.deepEqual(kernel.generate(other), kernel.generate(problem), kernel.name);
      assert.equal(kernel.pack(other).length, kernel.pack(problem).length);
    }
  }
});

Deno.test("native code of dynamic products has no values of the problem in it", () => {
  const cases = fc.sample(fc.oneof(randomDynamicProduct(), withCodes(randomDynamicProduct())), 40);
  const bitsSeen = new Set(cases.map(({ problem }) => problem.activationBits));
  assert(bitsSeen.size > 2);
  for (const { problem } of cases) {
    const { weights, bias, activationBits, output } = problem;
    const other = {
      ...problem,
      activationBits: 10 - activationBits,
      weights: weights.map((w) => 1 - Math.abs(w)),
      bias: bias.map((b) => b >> 1),
      output: {
        ...output,
        zeroPoint: output.zeroPoint >> 1,
        low: output.low >> 1,
        high: output.high >> 1,
        multipliers: output.multipliers.map((b) => 2 ** 30 + (b & 0xffff)),
        shifts: output.shifts.map((c) => 93 - c),
      },
    };
    for (const kernel of kernelsFor(problem)) {
      assert.deepEqual(kernel.generate(other), kernel.generate(problem), kernel.name);
      assert.equal(kernel.pack(other).length, kernel.pack(problem).length);
    }
  }
});

/** <input>[_<weights>]_<operation>_<tile>__<instructions>, as kernels/mod.ts says. */
const KERNEL_NAME =
  /^(qu8_qs8c|qu8_qbc|qu4_qbc|qx_qs8c|qx_qbc|qu8|qx|f64_f32|f32_f32|f32)_(conv|dwconv|convsum|dwconvsum|convwgrad|dwconvwgrad|product|sum|avgpool|maxpool|concat|copy|gather|table|lstm|gru|rnn|dynamic)_[1-9]\d*x[1-9]\d*__(avx512|avx512vnni|avx512vbmi|avx512popcnt|amxint8)$/;

Deno.test("names of native kernels follow the grammar and are unique", () => {
  for (const { name } of NATIVE_KERNELS) assert.match(name, KERNEL_NAME);
  assert.equal(new Set(NATIVE_KERNELS.map(({ name }) => name)).size, NATIVE_KERNELS.length);
});
