import { selectKernel } from "../../kernels/mod.ts";
import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import { disassemblyText } from "../../kernels/wasm/disassembly_text.ts";
import { sampleLstm } from "../../kernels/x64/recurrent_samples.ts";
import type { Problem } from "../../kernels/kernel.ts";
import type { ConvolutionProblem, FloatWeightGradientProblem } from "../../lib/arith/problem.ts";

/** 3x3 image of 2 channels, 2x2 kernel, padding above and to the left, 6 outputs: a whole vector and half of one. */
const PROBLEM: ConvolutionProblem = {
  kind: "convolution",
  window: {
    inputHeight: 3,
    inputWidth: 3,
    outputHeight: 3,
    outputWidth: 3,
    kernelHeight: 2,
    kernelWidth: 2,
    strideY: 1,
    strideX: 1,
    dilationY: 1,
    dilationX: 1,
    padTop: 1,
    padLeft: 1,
    padBottom: 0,
    padRight: 0,
  },
  inputChannels: 2,
  outputChannels: 6,
  groups: 1,
  inputZeroPoint: 5,
  inputHigh: 255,
  weights: Int8Array.from({ length: 48 }, (_, i) => 5 * (i - 24)),
  bias: new Int32Array(6),
  output: {
    dtype: "u8",
    zeroPoint: 10,
    low: 10,
    high: 255,
    multipliers: new Int32Array(6).fill(2 ** 30 + 7),
    shifts: Uint8Array.of(38, 38, 37, 38, 38, 38),
  },
};

/** 4 output positions of the same kernel, padding above only, 6 outputs. */
const WEIGHT_GRADIENT: FloatWeightGradientProblem = {
  kind: "float_weight_gradient",
  window: { ...PROBLEM.window, inputHeight: 2, outputHeight: 2, outputWidth: 2, padLeft: 0 },
  inputChannels: 2,
  outputChannels: 6,
  groups: 1,
};

const PROBLEMS: readonly (readonly [string, Problem])[] = [
  ["convolution", PROBLEM],
  ["convolution of 7-bit activations", { ...PROBLEM, inputHigh: 127 }],
  ["convolution of 7-bit weights", { ...PROBLEM, weights: PROBLEM.weights.map((weight) => weight / 5) }],
  ["weight gradient", WEIGHT_GRADIENT],
  ["LSTM of one step", { ...sampleLstm().problem, steps: 1, batch: 1, hidden: 4 }],
  ["depthwise weight gradient", { ...WEIGHT_GRADIENT, inputChannels: 6, groups: 6 }],
];

// A change of the generators shows here as a change of code. Once read: deno test -RW --update-snapshots <this file>
for (const [name, problem] of PROBLEMS) {
  Deno.test(`the code of a small ${name}`, async (t) => {
    const module = new ModuleBuilder();
    selectKernel(problem)!.emit(problem, module);
    await t.assertSnapshot(disassemblyText(module.toBytes()), { serializer: (text) => text });
  });
}
