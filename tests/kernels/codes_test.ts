import assert from "node:assert/strict";
import fc from "fast-check";
import { codedProduct } from "../../kernels/convolution/coded_product.ts";
import { CODED_CONVOLUTION_KERNELS as WASM_KERNELS } from "../../kernels/convolution/coded_kernel.ts";
import { runReference, selectKernel } from "../../kernels/mod.ts";
import { CODED_CONVOLUTION_KERNELS as NATIVE_KERNELS } from "../../kernels/x64/codes/coded_convolution.ts";
import { POPCOUNT_CONVOLUTION_KERNELS } from "../../kernels/x64/codes/popcount_convolution.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { GRU_KERNELS } from "../../kernels/x64/recurrent/gru.ts";
import { LSTM_KERNELS } from "../../kernels/x64/recurrent/lstm.ts";
import { RNN_KERNELS } from "../../kernels/x64/recurrent/rnn.ts";
import type { NativeKernel } from "../../kernels/x64/native_kernel.ts";
import type { ConvolutionProblem, RecurrentProblem } from "../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { randomProductShape, withCodes } from "./random/codes.ts";
import { randomConvolution } from "./random/convolution.ts";
import { randomGru, randomLstm, randomRnn } from "./random/recurrent.ts";
import type { KernelCase } from "./random/values.ts";
import { runKernel } from "./run_kernel.ts";
import { EXECUTES_NATIVE } from "./x64_kernels/native_here.ts";
import { runNativeKernel } from "./x64_kernels/run_native_kernel.ts";

const CASES = withCodes(randomConvolution(randomProductShape()));
/** Sums of bytes and of uint16 that are full, and loops over units. */
const LONG_ROWS = withCodes(
  randomConvolution(fc.constant({ window: POINT_WINDOW, inputChannels: 8 * 1024 + 19, outputChannels: 5, groups: 1 })),
);

for (const kernel of WASM_KERNELS) {
  Deno.test(`${kernel.name}: products by codes equal the reference, whatever their size`, () => {
    let runs = 0;
    for (const [cases, numRuns] of [[CASES, 300], [LONG_ROWS, 15]] as const) {
      fc.assert(
        fc.property(cases, fc.nat(), (original, seed) => {
          for (const { problem, inputs, output } of [original, withFewBits(original, seed)]) {
            if (!kernel.supports(problem)) continue;
            runs++;
            runReference(problem, inputs, output);
            assert.deepEqual(runKernel(kernel, problem, inputs, output), output);
          }
        }),
        { numRuns },
      );
    }
    assert.ok(runs >= 315, `${runs} runs`);
  });
}

/** Columns of several units, and of pieces alone. */
const LONG_STATES = fc.constantFrom(
  { steps: 2, batch: 1, hidden: 301 },
  { steps: 3, batch: 2, hidden: 70 },
  { steps: 1, batch: 1, hidden: 519 },
);

const RECURRENCES: Readonly<Record<string, fc.Arbitrary<KernelCase<RecurrentProblem>>>> = {
  lstm: randomLstm(LONG_STATES),
  gru: randomGru(LONG_STATES),
  rnn: randomRnn(LONG_STATES),
};

for (const kernel of [...LSTM_KERNELS, ...GRU_KERNELS, ...RNN_KERNELS].filter(({ name }) => name.includes("_qbc_"))) {
  Deno.test(`${kernel.name}: recurrences by codes of long rows equal the reference`, EXECUTES_NATIVE, () => {
    fc.assert(
      fc.property(withCodes(RECURRENCES[kernel.kind]), ({ problem, inputs, output }) => {
        fc.pre((kernel as NativeKernel<RecurrentProblem>).supports(problem)); // of the kind that cases are for
        const states = inputs.map((input) => input.slice());
        runReference(problem, states, output);
        const own = inputs.map((input) => input.slice());
        assert.deepEqual(
          runNativeKernel(kernel as NativeKernel<RecurrentProblem>, problem, own, output),
          output,
        );
        assert.deepEqual(own, states, "states");
      }),
      { numRuns: 20 },
    );
  });
}

/** The case with activations of few bits. */
function withFewBits({ problem, inputs: [input], output }: KernelCase<ConvolutionProblem>, seed: number) {
  const inputHigh = [1, 2, 3, 5, 7, 15][seed % 6];
  const activations = (input as Uint8Array).map((q) => q % (inputHigh + 1));
  return { problem: { ...problem, inputHigh }, inputs: [activations], output };
}

for (const kernel of POPCOUNT_CONVOLUTION_KERNELS) {
  Deno.test(`${kernel.name}: products of few bits equal the reference, whatever their size`, EXECUTES_NATIVE, () => {
    for (const [cases, numRuns] of [[CASES, 400], [LONG_ROWS, 15]] as const) {
      fc.assert(
        fc.property(cases, fc.nat(), (original, seed) => {
          const { problem, inputs, output } = withFewBits(original, seed);
          runReference(problem, inputs, output);
          assert.deepEqual(runNativeKernel(kernel, problem, inputs, output), output);
        }),
        { numRuns },
      );
    }
  });
}

for (const kernel of NATIVE_KERNELS) {
  Deno.test(`${kernel.name}: products by codes equal the reference, whatever their size`, EXECUTES_NATIVE, () => {
    for (const [cases, numRuns] of [[CASES, 400], [LONG_ROWS, 15]] as const) {
      fc.assert(
        fc.property(cases, ({ problem, inputs, output }) => {
          runReference(problem, inputs, output);
          assert.deepEqual(runNativeKernel(kernel, problem, inputs, output), output);
        }),
        { numRuns },
      );
    }
  });

  Deno.test(`${kernel.name}: its code has no codes in it`, () => {
    for (const { problem } of fc.sample(CASES, 20)) {
      const { planes, multipliers } = problem.codes!;
      const others = { planes: planes.map((byte) => byte >> 1), multipliers: multipliers.map((m) => -m) };
      const other = { ...problem, inputZeroPoint: 3, codes: { ...problem.codes!, ...others } };
      assert.deepEqual(kernel.generate(other), kernel.generate(problem));
      assert.equal(kernel.pack(other).length, kernel.pack(problem).length);
    }
  });
}

/** What a matrix of codes of this size is taken for. */
function coded(outputs: number, inputs: number, change: Partial<ConvolutionProblem> = {}): ConvolutionProblem {
  return {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: inputs,
    outputChannels: outputs,
    groups: 1,
    inputZeroPoint: 0,
    inputHigh: 255,
    weights: new Int8Array(outputs * inputs),
    codes: {
      bits: 2,
      groupColumns: inputs,
      planes: new Uint8Array(outputs * 2 * Math.ceil(inputs / 8)),
      multipliers: new Int8Array(2 * outputs),
    },
    bias: new Int32Array(outputs),
    ...change,
  };
}

Deno.test("codes are read where that is faster, and their weights elsewhere", () => {
  const large = coded(512, 512);
  const grouped = { ...large, codes: { ...large.codes!, groupColumns: 64, multipliers: new Int8Array(8 * 2 * 512) } };
  const two = { ...POINT_WINDOW, inputHeight: 2, outputHeight: 2 };
  const features = NATIVE_KERNELS[0].features!;
  const readsCodes = (problem: ConvolutionProblem): [native: boolean, wasm: boolean] => [
    selectNativeKernel(problem, features)!.name.includes("_qbc_"),
    selectKernel(problem)!.name.includes("_qbc_"),
  ];
  assert.deepEqual(readsCodes(large), [true, true]);
  assert.deepEqual(readsCodes({ ...large, codes: undefined }), [false, false]);
  assert.deepEqual(readsCodes(grouped), [false, false]);
  assert.deepEqual(readsCodes({ ...large, window: two }), [false, false]);
  assert.deepEqual(readsCodes(coded(64, 64)), [false, false]);
  const four = { ...large.codes!, bits: 4, planes: new Uint8Array(512 * 4 * 64), multipliers: new Int8Array(4 * 512) };
  assert.deepEqual(readsCodes({ ...large, codes: four }), [true, false]);
  const named = (change: Partial<ConvolutionProblem>) =>
    selectNativeKernel({ ...large, ...change }, [...features, "avx512_vpopcntdq"])!.name;
  assert.match(named({ inputHigh: 3 }), /^qu4_qbc_/);
  assert.match(named({ inputHigh: 7 }), /^qu8_qbc_/);
  assert.match(named({ inputHigh: 3, window: two }), /^qu8_qs8c_/);
  // Without vpermb there is no native kernel of codes.
  const without = features.filter((feature) => feature !== "avx512vbmi");
  assert.match(selectNativeKernel(large, without)!.name, /_qs8c_/);
});

Deno.test("windows of one tap that skip pixels or see padding are no products", () => {
  assert.ok(codedProduct(coded(4, 4)));
  assert.equal(codedProduct(coded(4, 4, { window: { ...POINT_WINDOW, inputWidth: 3, strideX: 4 } })), undefined);
  assert.equal(codedProduct(coded(4, 4, { groups: 2, weights: new Int8Array(8) })), undefined);
});
