import assert from "node:assert/strict";
import {
  type BatchNormalizationGradients,
  type BatchNormalizationParameters,
  batchNormalizationTraining,
  batchNormalizationTrainingGradient,
} from "../../../lib/ops/batch_normalization_training.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

const CHANNELS = 3;
const EPSILON = 0.01;
/** Of 2 images of 3 x 2 pixels, in memory order N, H, W, C. */
const ELEMENTS = 2 * 3 * 2 * CHANNELS;

interface Sample {
  readonly x: Float32Array;
  readonly parameters: BatchNormalizationParameters;
  readonly gradient: Float32Array;
}

function sampleOf(seed: number): Sample {
  const random = seededRandom(seed);
  const normal = (length: number): Float32Array => Float32Array.from({ length }, () => 1 + 2 * random.normal());
  const parameters = { scale: normal(CHANNELS), bias: normal(CHANNELS), epsilon: EPSILON };
  return { x: normal(ELEMENTS), parameters, gradient: normal(ELEMENTS) };
}

function gradientsOf({ x, parameters, gradient }: Sample): BatchNormalizationGradients {
  const { statistics } = batchNormalizationTraining(x, parameters);
  return batchNormalizationTrainingGradient(x, parameters, statistics, gradient);
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  const limit = tolerance * Math.max(1, ...Array.from(expected, Math.abs));
  assert.equal(found.length, expected.length);
  Array.from(found, (v, i) => assert.ok(Math.abs(v - expected[i]) <= limit, `element ${i}: ${v} ${expected[i]}`));
}

/** Elements of one channel. */
const channelOf = (data: Float32Array, c: number): number[] => Array.from(data).filter((_, i) => i % CHANNELS === c);
const sum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0);

Deno.test("the output of each channel has mean bias and variance scale^2 variance / (variance + epsilon)", () => {
  const { x, parameters } = sampleOf(1);
  const { output, statistics } = batchNormalizationTraining(x, parameters);
  for (let c = 0; c < CHANNELS; c++) {
    const before = channelOf(x, c);
    const after = channelOf(output, c);
    const mean = sum(before) / before.length;
    const variance = sum(before.map((v) => (v - mean) ** 2)) / before.length;
    assertClose([statistics.mean[c], statistics.variance[c]], [mean, variance], 1e-12);
    const outputMean = sum(after) / after.length;
    const outputVariance = sum(after.map((v) => (v - outputMean) ** 2)) / after.length;
    assertClose([outputMean], [parameters.bias[c]], 1e-6);
    assertClose([outputVariance], [parameters.scale[c] ** 2 * variance / (variance + EPSILON)], 1e-6);
  }
});

Deno.test("gradients are those of Ioffe and Szegedy, section 3, formula by formula", () => {
  const sample = sampleOf(2);
  const found = gradientsOf(sample);
  for (let c = 0; c < CHANNELS; c++) {
    const x = channelOf(sample.x, c);
    const dy = channelOf(sample.gradient, c);
    const m = x.length;
    const mean = sum(x) / m;
    const variance = sum(x.map((v) => (v - mean) ** 2)) / m;
    const normalized = x.map((v) => (v - mean) / Math.sqrt(variance + EPSILON));
    const dNormalized = dy.map((g) => g * sample.parameters.scale[c]);
    const dVariance = sum(dNormalized.map((g, i) => g * (x[i] - mean) * -0.5 * (variance + EPSILON) ** -1.5));
    const dMean = sum(dNormalized.map((g) => -g / Math.sqrt(variance + EPSILON))) +
      dVariance * sum(x.map((v) => -2 * (v - mean))) / m;
    const dx = dNormalized.map((g, i) =>
      g / Math.sqrt(variance + EPSILON) + dVariance * 2 * (x[i] - mean) / m + dMean / m
    );
    assertClose(channelOf(found.x, c), dx, 1e-6);
    assertClose([found.scale[c]], [sum(dy.map((g, i) => g * normalized[i]))], 1e-6);
    assertClose([found.bias[c]], [sum(dy)], 1e-6);
  }
});

Deno.test("gradients are the finite differences of the output", () => {
  const sample = sampleOf(3);
  const found = gradientsOf(sample);
  const step = 2 ** -6;
  /** The sum of g y where one element of one operand is moved. */
  const loss = (part: "x" | "scale" | "bias", index: number, distance: number): number => {
    const moved = (name: string, data: Float32Array): Float32Array =>
      name === part ? data.map((v, i) => i === index ? v + distance : v) : data;
    const { scale, bias, epsilon } = sample.parameters;
    const parameters = { scale: moved("scale", scale), bias: moved("bias", bias), epsilon };
    const { output } = batchNormalizationTraining(moved("x", sample.x), parameters);
    return sum(Array.from(output, (y, i) => y * sample.gradient[i]));
  };
  for (const part of ["x", "scale", "bias"] as const) {
    const expected = Array.from(
      found[part],
      (_, i) => (loss(part, i, step) - loss(part, i, -step)) / (2 * step),
    );
    assertClose(found[part], expected, 1e-3);
  }
});

Deno.test("a batch that is no whole number of pixels is an error", () => {
  const { parameters } = sampleOf(4);
  for (const length of [0, 4]) {
    assert.throws(() => batchNormalizationTraining(new Float32Array(length), parameters), {
      name: "RangeError",
      message: `a batch of ${length} elements, expected a multiple of 3 channels`,
    });
  }
});
