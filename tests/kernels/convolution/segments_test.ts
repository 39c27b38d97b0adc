import assert from "node:assert/strict";
import fc from "fast-check";
import { borderedImage } from "../../../kernels/convolution/bordered_image.ts";
import { BYTE_CONVOLUTION_KERNELS } from "../../../kernels/convolution/byte_kernel.ts";
import { denseSum } from "../../../kernels/convolution/dense_layout.ts";
import { convolution } from "../../../kernels/convolution/reference.ts";
import { chooseSegments } from "../../../kernels/convolution/segments.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { POINT_WINDOW, type Window } from "../../../lib/tensor/window.ts";
import { runKernel } from "../run_kernel.ts";

const BYTES = { elementBytes: 1, elementsPerStep: 4 };
const TILE = { outputs: 16, accumulators: 8 };

/** A sum of one run for each output. */
function pointShape(inputChannels: number, outputChannels: number) {
  return { window: POINT_WINDOW, inputChannels, outputChannels, groups: 1 };
}

function segmentsOf(weights: Int8Array, inputChannels: number, inputHigh: number) {
  const shape = pointShape(inputChannels, weights.length / inputChannels);
  const sum = denseSum(shape, borderedImage(shape.window), BYTES);
  return chooseSegments(shape, TILE, sum, weights, inputHigh);
}

/** Magnitudes up to `top`, most of them small, a few of them as large as can be. */
function spikyWeights(length: number, top: number, spikes: number, seed: number): Int8Array {
  const random = seededRandom(seed);
  return Int8Array.from({ length }, () => random.integer(1, 1000) <= spikes ? 127 : random.integer(-top, top));
}

Deno.test("fewer bits give longer segments; few large weights are corrections, many make segments shorter", () => {
  const length = 16 * 256;
  const lengths = [[127, 127], [30, 127], [7, 127], [7, 15]].map(([top, inputHigh]) =>
    segmentsOf(spikyWeights(length, top, 0, 1), 256, inputHigh).length
  );
  assert.deepEqual(lengths, [1, 8, 16, 16]);
  const spiky = segmentsOf(spikyWeights(length, 20, 4, 1), 256, 127);
  assert(spiky.length > 1 && spiky.corrections.length > 0);
  assert.deepEqual(segmentsOf(new Int8Array(length).fill(-127), 256, 127), { length: 1, corrections: [] });
});

/** Largest and smallest sum of each pair of lanes of each segment, over all activations. */
function extremes(weights: Int8Array, perOutput: number, length: number, inputHigh: number): [number, number] {
  let [largest, smallest] = [0, 0];
  for (let output = 0; output < weights.length; output += perOutput) {
    for (let first = 0; first < perOutput; first += 4 * length) {
      for (const pair of [0, 1]) {
        const members = Array.from(weights.subarray(output + first, output + Math.min(first + 4 * length, perOutput)))
          .filter((_, i) => (i % 4) >> 1 === pair);
        largest = Math.max(largest, members.reduce((sum, w) => sum + Math.max(w, 0), 0) * inputHigh);
        smallest = Math.min(smallest, members.reduce((sum, w) => sum + Math.min(w, 0), 0) * inputHigh);
      }
    }
  }
  return [largest, smallest];
}

Deno.test("no activations take a segment's sum out of int16", () => {
  const cases = fc.record({
    perOutput: fc.integer({ min: 1, max: 300 }),
    outputs: fc.integer({ min: 1, max: 40 }),
    inputHigh: fc.constantFrom(1, 3, 15, 63, 127),
    top: fc.constantFrom(1, 7, 30, 63, 127),
    spikes: fc.constantFrom(0, 5, 50, 1000),
    seed: fc.integer(),
  });
  let corrected = 0;
  fc.assert(
    fc.property(cases, ({ perOutput, outputs, inputHigh, top, spikes, seed }) => {
      const weights = spikyWeights(perOutput * outputs, top, spikes, seed);
      const { length, corrections } = segmentsOf(weights, perOutput, inputHigh);
      if (corrections.length > 0) corrected++;
      for (const position of corrections) weights[position] = 0;
      const [largest, smallest] = extremes(weights, perOutput, length, inputHigh);
      assert(largest <= 32767 && smallest >= -32768, `${smallest} .. ${largest}`);
    }),
    { numRuns: 400 },
  );
  assert(corrected > 0);
});

const IMAGE: Window = {
  ...POINT_WINDOW,
  inputHeight: 5,
  inputWidth: 6,
  outputHeight: 5,
  outputWidth: 6,
  kernelHeight: 3,
  kernelWidth: 3,
  padTop: 1,
  padLeft: 1,
  padBottom: 1,
  padRight: 1,
};

Deno.test("sums of many steps equal the reference for extreme activations, with segments of every length", () => {
  const lengths = new Set<number>();
  const runs = new Map(BYTE_CONVOLUTION_KERNELS.map(({ name }) => [name, 0]));
  const cases = fc.record({
    inputChannels: fc.integer({ min: 1, max: 40 }),
    outputChannels: fc.integer({ min: 1, max: 37 }),
    groups: fc.constantFrom(1, 1, 2),
    inputHigh: fc.constantFrom(15, 63, 127, 255),
    top: fc.constantFrom(1, 7, 20, 63, 127),
    spikes: fc.constantFrom(0, 0, 3, 20),
    sign: fc.constantFrom(-1, 0, 1),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(cases, ({ inputChannels, outputChannels, groups, inputHigh, top, spikes, sign, seed }) => {
      const weights = spikyWeights(groups * outputChannels * 9 * inputChannels, top, spikes, seed);
      // One sign everywhere is the worst case of a sum; the activations are as large as can be, 0, or between.
      if (sign !== 0) weights.forEach((w, i) => weights[i] = sign * Math.abs(w));
      const random = seededRandom(seed + 1);
      const problem: ConvolutionProblem = {
        kind: "convolution",
        window: IMAGE,
        inputChannels: groups * inputChannels,
        outputChannels: groups * outputChannels,
        groups,
        inputZeroPoint: random.integer(0, inputHigh),
        inputHigh,
        weights,
        bias: Int32Array.from({ length: groups * outputChannels }, () => random.integer(-1000, 1000)),
      };
      const input = Uint8Array.from(
        { length: 30 * groups * inputChannels },
        () => inputHigh * random.integer(0, 4) >> 2,
      );
      const expected = new Int32Array(30 * groups * outputChannels);
      convolution(problem, [input], expected);
      for (const kernel of BYTE_CONVOLUTION_KERNELS.filter(({ supports }) => supports(problem))) {
        runs.set(kernel.name, runs.get(kernel.name)! + 1);
        assert.deepEqual(runKernel(kernel, problem, [input], expected), expected, kernel.name);
      }
      if (inputHigh > 127) return;
      const sum = denseSum(problem, borderedImage(IMAGE), BYTES);
      lengths.add(chooseSegments(problem, TILE, sum, weights, inputHigh).length);
    }),
    { numRuns: 250 },
  );
  for (const [name, count] of runs) assert(count >= 50, `${name} ran ${count} times`);
  for (const length of [1, 2, 4, 8, 16]) assert(lengths.has(length), `no segments of ${length} steps`);
});
