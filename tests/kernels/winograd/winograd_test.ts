import assert from "node:assert/strict";
import { isTaken, KERNELS, runReference } from "../../../kernels/mod.ts";
import { WINOGRAD_KERNELS, WINOGRAD_KERNELS_OF_8_BITS } from "../../../kernels/winograd/kernel.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import { runKernel } from "../run_kernel.ts";

const VARIANTS = [...WINOGRAD_KERNELS, ...WINOGRAD_KERNELS_OF_8_BITS];

const INPUTS = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const WEIGHTS = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 6]];

/** One tile: 6x6 pixels without padding, raw accumulators of 4 outputs. */
function tileProblem(channels: number, weights: Int8Array): ConvolutionProblem {
  const window = { ...POINT_WINDOW, inputHeight: 6, inputWidth: 6, kernelHeight: 3, kernelWidth: 3 };
  return {
    kind: "convolution",
    window: { ...window, outputHeight: 4, outputWidth: 4 },
    inputChannels: channels,
    outputChannels: 4,
    groups: 1,
    inputZeroPoint: 0,
    inputHigh: 255,
    weights,
    bias: new Int32Array(4),
    output: undefined,
  };
}

function checkEqual(problem: ConvolutionProblem, image: Uint8Array): void {
  const expected = new Int32Array(64);
  runReference(problem, [image], expected);
  const kernels = VARIANTS.filter((kernel) => kernel.supports(problem));
  assert(kernels.length > 0);
  for (const kernel of kernels) assert.deepEqual(runKernel(kernel, problem, [image], expected), expected, kernel.name);
}

const outer = (a: readonly number[], b: readonly number[]): number[] => a.flatMap((x) => b.map((y) => x * y));

Deno.test("each of the 36 products is exact where inputs and weights make it as large as can be, of either sign", () => {
  const channels = 32;
  for (let product = 0; product < 36; product++) {
    const [row, column] = [Math.floor(product / 6), product % 6];
    const inputs = outer(INPUTS[row], INPUTS[column]);
    const weights = outer(WEIGHTS[row], WEIGHTS[column]);
    for (const sign of [1, -1]) {
      const image = Uint8Array.from({ length: 36 * channels }, (_, i) => {
        return sign * inputs[Math.floor(i / channels)] > 0 ? 255 : 0;
      });
      const kernel = Int8Array.from({ length: 4 * 9 * channels }, (_, i) => {
        const [output, tap] = [Math.floor(i / (9 * channels)), Math.floor(i / channels) % 9];
        return (output % 2 === 0 ? 127 : -127) * Math.sign(weights[tap]);
      });
      checkEqual(tileProblem(channels, kernel), image);
    }
  }
});

Deno.test("sums are exact up to the limit, and a layer that may exceed it is left to other kernels", () => {
  const channels = 120;
  const most = Math.floor((2 ** 25 - 1) / (255 * 127));
  const weightsOf = (count: number, sign: number): Int8Array =>
    Int8Array.from({ length: 4 * 9 * channels }, (_, i) => i % (9 * channels) < count ? sign * 127 : 0);
  for (const sign of [1, -1]) {
    checkEqual(tileProblem(channels, weightsOf(most, sign)), new Uint8Array(36 * channels).fill(255));
    const beyond = tileProblem(channels, weightsOf(most + 1, sign));
    assert.deepEqual(VARIANTS.filter((kernel) => kernel.supports(beyond)), []);
    assert(KERNELS.some((kernel) => kernel.kind === "convolution" && kernel.supports(beyond)));
  }
});

Deno.test("few channels and few tiles of many weights are left to products of bytes", () => {
  const [variant] = WINOGRAD_KERNELS;
  assert(isTaken(variant, tileProblem(16, new Int8Array(4 * 9 * 16))));
  assert(!isTaken(variant, tileProblem(8, new Int8Array(4 * 9 * 8))));
  const wide = tileProblem(512, new Int8Array(16 * 9 * 512));
  assert(!isTaken(variant, { ...wide, outputChannels: 16, bias: new Int32Array(16) }));
});
