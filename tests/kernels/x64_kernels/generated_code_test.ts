import type { Problem } from "../../../kernels/kernel.ts";
import { listingOf } from "../../../kernels/x64/assembler.ts";
import { sampleCodedConvolution, withSampleCodes } from "../../../kernels/x64/codes/sample.ts";
import { sampleDynamicProduct } from "../../../kernels/x64/dynamic_product/sample.ts";
import { NATIVE_FEATURES, selectNativeKernel } from "../../../kernels/x64/mod.ts";
import { sampleGather, sampleGru, sampleLstm, sampleRnn, sampleTable } from "../../../kernels/x64/recurrent_samples.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";

const WINDOW = { ...POINT_WINDOW, inputHeight: 2, inputWidth: 3, outputWidth: 2, kernelHeight: 2, kernelWidth: 2 };

function convolution(channels: number, groups: number, shift: number): ConvolutionProblem {
  return {
    kind: "convolution",
    window: WINDOW,
    inputChannels: channels,
    outputChannels: channels,
    groups,
    inputZeroPoint: 0,
    inputHigh: 255,
    weights: new Int8Array(channels * channels / groups * 4),
    bias: new Int32Array(channels),
    output: {
      dtype: "u8",
      zeroPoint: 0,
      low: 0,
      high: 255,
      multipliers: new Int32Array(channels).fill(2 ** 30),
      shifts: new Uint8Array(channels).fill(shift),
    },
  };
}

const OUTPUT = { dtype: "u8", zeroPoint: 0, low: 0, high: 255 } as const;

const PROBLEMS: Readonly<Record<string, Problem>> = {
  "dense convolution": convolution(6, 1, 40),
  "dense convolution of several pixels and blocks": {
    ...convolution(40, 1, 40),
    window: { ...WINDOW, inputHeight: 4, outputHeight: 3 },
  },
  "dense convolution of tiny scales": convolution(6, 1, 60),
  "dense convolution of scales above 1": convolution(6, 1, 20),
  "depthwise convolution": convolution(20, 20, 40),
  "sum": {
    kind: "sum",
    pixels: 3,
    channels: 20,
    terms: [
      { dtype: "i32", zeroPoint: 0, multipliers: new Int32Array(20) },
      { dtype: "u8", zeroPoint: 0, multipliers: new Int32Array(1) },
    ],
    shift: 31,
    output: OUTPUT,
  },
  "max pool": { kind: "max_pool", window: WINDOW, channels: 83, dtype: "u8" },
  "concatenation": {
    kind: "concat",
    outer: 3,
    parts: [
      { dtype: "u8", inner: 40, zeroPoint: 0 },
      { dtype: "u16", inner: 17, zeroPoint: 0, rescale: { multiplier: 2 ** 30, shift: 31 } },
    ],
    output: OUTPUT,
  },
  "product by codes": sampleCodedConvolution(3).problem,
  "gather": sampleGather().problem,
  "table": sampleTable().problem,
  "LSTM": sampleLstm().problem,
  "GRU": sampleGru(false).problem,
  "GRU with linear_before_reset": sampleGru(true).problem,
  "RNN": sampleRnn().problem,
  "product of dynamic scales": sampleDynamicProduct(2, 37, 53).problem,
  "product of dynamic scales by codes": withSampleCodes(sampleDynamicProduct(1, 1237, 53), 2).problem,
};

/** A line for each instruction: its name and its bytes. */
function textOf(code: Uint8Array): string {
  const { names, ends } = listingOf(code)!; // kernels end with the assembler's last act
  const hexadecimal = (bytes: Uint8Array): string =>
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return names.map((name, i) => `${name.padEnd(12)} ${hexadecimal(code.subarray(ends[i - 1] ?? 0, ends[i]))}`).join(
    "\n",
  );
}

// A change of a kernel is a diff that a person can read: deno test -A --update-snapshots <this file>
for (const [name, problem] of Object.entries(PROBLEMS)) {
  Deno.test(`the machine code of a small ${name}`, async (t) => {
    const kernel = selectNativeKernel(problem, [...NATIVE_FEATURES, "avx512cd", "avx512vbmi"])!; // every kind has one
    await t.assertSnapshot(`${kernel.name}\n${textOf(kernel.generate(problem))}`, { serializer: (text) => text });
  });
}
