import assert from "node:assert/strict";
import fc from "fast-check";
import { KERNELS, REFERENCES, runReference, selectKernel } from "../../kernels/mod.ts";
import type { Problem } from "../../kernels/kernel.ts";
import { planChannels } from "../../kernels/requantize/channel_requantization.ts";
import { findForbidden } from "../../kernels/wasm/disassemble.ts";
import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import type { TypedArray } from "../../lib/tensor/dtype.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { randomProductShape, withCodes } from "./random/codes.ts";
import {
  randomConvolution,
  randomDenseShape,
  randomDepthwiseShape,
  randomFloatConvolution,
  randomSquareShape,
  randomWeightGradient,
} from "./random/convolution.ts";
import { randomConvolutionSum } from "./random/convolution_sum.ts";
import { randomDynamicProduct } from "./random/dynamic_product.ts";
import { randomConcat, randomCopy, randomSum } from "./random/elementwise.ts";
import {
  randomFloatAveragePool,
  randomFloatConcat,
  randomFloatMaxPool,
  randomFloatProduct,
  randomFloatSum,
} from "./random/float.ts";
import { randomOnlineCodes } from "./random/online_codes.ts";
import { randomAveragePool, randomMaxPool } from "./random/pool.ts";
import { randomGather, randomGru, randomLstm, randomRnn, randomTable } from "./random/recurrent.ts";
import { type KernelCase, withOneNaN } from "./random/values.ts";
import { loadKernel, runKernel } from "./run_kernel.ts";

const MATRIX_TIMES_VECTOR = { window: POINT_WINDOW, inputChannels: 2047, outputChannels: 1031, groups: 1 };

const LARGE_RECURRENCE = fc.constant({ steps: 2, batch: 1, hidden: 301 });

/** Random problems, and how often each kernel has run on one. */
const FAMILIES: readonly { name: string; cases: fc.Arbitrary<KernelCase>; runs: number }[] = [
  { name: "dense and grouped convolution", cases: randomConvolution(randomDenseShape()), runs: 400 },
  { name: "large matrix times vector", cases: randomConvolution(fc.constant(MATRIX_TIMES_VECTOR)), runs: 6 },
  { name: "3x3 convolution", cases: randomConvolution(randomSquareShape()), runs: 150 },
  { name: "depthwise convolution", cases: randomConvolution(randomDepthwiseShape()), runs: 250 },
  { name: "float dense and grouped convolution", cases: randomFloatConvolution(randomDenseShape()), runs: 200 },
  { name: "float depthwise convolution", cases: randomFloatConvolution(randomDepthwiseShape()), runs: 150 },
  { name: "dense and grouped weight gradient", cases: randomWeightGradient(randomDenseShape()), runs: 250 },
  { name: "depthwise weight gradient", cases: randomWeightGradient(randomDepthwiseShape()), runs: 200 },
  { name: "convolution with a sum", cases: randomConvolutionSum(randomDenseShape()), runs: 400 },
  { name: "3x3 convolution with a sum", cases: randomConvolutionSum(randomSquareShape()), runs: 150 },
  { name: "depthwise convolution with a sum", cases: randomConvolutionSum(randomDepthwiseShape()), runs: 250 },
  {
    name: "large matrix times vector with a sum",
    cases: randomConvolutionSum(fc.constant(MATRIX_TIMES_VECTOR)),
    runs: 6,
  },
  { name: "float sum", cases: randomFloatSum(), runs: 200 },
  { name: "float max pool", cases: randomFloatMaxPool(), runs: 200 },
  { name: "float average pool", cases: randomFloatAveragePool(), runs: 200 },
  { name: "float product", cases: randomFloatProduct(), runs: 200 },
  { name: "float concatenation", cases: randomFloatConcat(), runs: 200 },
  { name: "sum", cases: randomSum(), runs: 400 },
  { name: "concatenation", cases: randomConcat(), runs: 300 },
  { name: "max pool", cases: randomMaxPool(), runs: 200 },
  { name: "average pool", cases: randomAveragePool(), runs: 300 },
  { name: "product by codes", cases: withCodes(randomConvolution(randomProductShape())), runs: 100 },
  { name: "copy", cases: randomCopy(), runs: 400 },
  { name: "gather", cases: randomGather(), runs: 150 },
  { name: "table", cases: randomTable(), runs: 100 },
  { name: "lstm", cases: randomLstm(), runs: 300 },
  { name: "gru", cases: randomGru(), runs: 300 },
  { name: "rnn", cases: randomRnn(), runs: 300 },
  { name: "product of dynamic scales", cases: randomDynamicProduct(), runs: 400 },
  { name: "codes of activations", cases: randomOnlineCodes(), runs: 300 },
  { name: "large lstm", cases: randomLstm(LARGE_RECURRENCE), runs: 6 },
  { name: "large gru", cases: randomGru(LARGE_RECURRENCE), runs: 6 },
];

const runsByKernel = new Map<string, number>();

/** -0 equals 0: a tap in the padding adds 0 in one engine and nothing in the other. */
function withoutNegativeZero(values: TypedArray): TypedArray {
  return values instanceof Float32Array ? withOneNaN(values).map((value) => value + 0) : values;
}

for (const { name, cases, runs } of FAMILIES) {
  Deno.test(`${name}: every kernel equals the reference, and writes nothing but its output`, () => {
    fc.assert(
      fc.property(cases, ({ problem, inputs, output }) => {
        const states = inputs.map((input) => input.slice());
        runReference(problem, states, output);
        const expected = withoutNegativeZero(output);
        const kernels = KERNELS.filter((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
        assert(kernels.length > 0);
        assert.equal(selectKernel(problem), kernels.find((kernel) => kernel.isFaster?.(problem) ?? true));
        for (const kernel of kernels) {
          runsByKernel.set(kernel.name, (runsByKernel.get(kernel.name) ?? 0) + 1);
          const own = inputs.map((input) => input.slice());
          const actual = withoutNegativeZero(runKernel(kernel, problem, own, output));
          assert.deepEqual(actual, expected, kernel.name);
          assert.deepEqual(own, states, `${kernel.name}: inputs, overwritten or not`);
        }
      }),
      { numRuns: runs },
    );
  });
}

Deno.test("the tests above have run every kernel of the list, and every kind has a reference", () => {
  for (const { name } of KERNELS) assert((runsByKernel.get(name) ?? 0) >= 6, `${name} ran too rarely`);
  assert.deepEqual([...new Set(KERNELS.map(({ kind }) => kind))].sort(), Object.keys(REFERENCES).sort());
});

Deno.test("the random convolutions meet every plan of the requantization", () => {
  const modes = fc.sample(randomConvolution(randomDenseShape()), 300).map(({ problem }) => planChannels(problem).mode);
  assert.deepEqual([...new Set(modes)].sort(), ["accumulators", "common", "exact", "lanes"]);
});

Deno.test("integer kernels have no float and no division", () => {
  for (const { cases } of FAMILIES) {
    for (const { problem, inputs, output } of fc.sample(cases, 20) as KernelCase<Problem>[]) {
      for (const kernel of KERNELS.filter(({ kind, supports }) => kind === problem.kind && supports(problem))) {
        const { module } = loadKernel(kernel, problem, inputs, output.byteLength);
        const found = findForbidden(module);
        if (problem.kind.startsWith("float")) assert(found.length > 0 || problem.kind === "float_concat");
        else assert.deepEqual(found, [], kernel.name);
      }
    }
  }
});

Deno.test("equal static parameters give one function", () => {
  const [{ problem }] = fc.sample(randomConvolution(randomDenseShape()), 1);
  const kernel = selectKernel(problem);
  assert(kernel !== undefined);
  const raw = { ...problem, output: undefined };
  const module = new ModuleBuilder();
  const first = kernel.emit(raw, module);
  assert.equal(kernel.emit({ ...raw, bias: raw.bias.map((b) => b >> 1) }, module), first);
  assert.equal(module.functionCount, 1);
});

/** <input>[_<weights>]_<operation>[_<tile>]__<instructions>, as kernels/mod.ts says. */
const KERNEL_NAME =
  /^(qu[78]_qs[78]c|qx_qs8c|qu[48]_qbc|qu8|qx|f64_f32|f32_f32|f32)_(conv|winogradconv|dwconv|convsum|winogradconvsum|dwconvsum|convwgrad|dwconvwgrad|product|sum|concat|maxpool|avgpool|copy|gather|table|lstm|gru|rnn|dynamic|codes)(_[1-9]\d*x[1-9]\d*)?__(wasmsimd|wasmrelaxed|wasmpopcnt)$/;

Deno.test("kernel names follow the grammar and are unique", () => {
  for (const { name } of KERNELS) assert.match(name, KERNEL_NAME);
  assert.equal(new Set(KERNELS.map(({ name }) => name)).size, KERNELS.length);
});
