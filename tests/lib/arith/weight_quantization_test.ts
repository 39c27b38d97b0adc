import assert from "node:assert/strict";
import fc from "fast-check";
import { weightLimit } from "../../../lib/arith/quantization.ts";
import {
  channelRanges,
  dequantizeWeights,
  quantizeWeights,
  weightScales,
} from "../../../lib/arith/weight_quantization.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

/** Sum over all weights of (w - scale * q)^2. */
function weightError(weights: Float32Array, scales: Float64Array, bits: number): number {
  const integers = quantizeWeights(weights, scales, bits);
  const length = weights.length / scales.length;
  return weights.reduce((sum, w, i) => sum + (w - scales[Math.floor(i / length)] * integers[i]) ** 2, 0);
}

const weightArrays = fc.record({
  channels: fc.integer({ min: 1, max: 4 }),
  length: fc.integer({ min: 1, max: 20 }),
  seed: fc.integer({ min: 0, max: 1000 }),
  spread: fc.double({ min: 0.01, max: 3, noNaN: true }),
}).map(({ channels, length, seed, spread }) => ({ channels, weights: laplace(channels * length, seed, spread) }));

const widths = fc.integer({ min: 2, max: 8 });

function laplace(length: number, seed: number, spread: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from(
    { length },
    () => spread * Math.log(1 - random.uniform()) * (random.uniform() < 0.5 ? -1 : 1),
  );
}

Deno.test("max-abs maps the largest magnitude of each channel to the largest integer", () => {
  const weights = Float32Array.of(0.5, -1, 0.25, 0, /* */ 3, 1.5, -0.75, 0);
  const scales = weightScales(weights, 2, { bits: 8, perChannel: true, method: "max-abs" });
  assert.deepEqual([...scales], [1 / 127, 3 / 127]);
  assert.deepEqual([...quantizeWeights(weights, scales, 8)], [64, -127, 32, 0, 127, 64, -32, 0]);
});

Deno.test("per tensor is one scale for all channels", () => {
  const weights = Float32Array.of(0.5, -1, 3, 1.5);
  const scales = weightScales(weights, 2, { bits: 4, perChannel: false, method: "max-abs" });
  assert.deepEqual([...scales], [3 / 7, 3 / 7]);
});

Deno.test("halves round up on both sides of zero", () => {
  const weights = Float32Array.of(0.5, -0.5, 1.5, -1.5, 7);
  assert.deepEqual([...quantizeWeights(weights, Float64Array.of(1), 4)], [1, 0, 2, -1, 7]);
});

Deno.test("integers stay in the narrow range", () => {
  const weights = Float32Array.of(-100, 100, -3, 3);
  assert.deepEqual([...quantizeWeights(weights, Float64Array.of(1), 2)], [-1, 1, -1, 1]);
  assert.deepEqual([...quantizeWeights(weights, Float64Array.of(0.1), 8)], [-127, 127, -30, 30]);
});

Deno.test("an all-zero channel has scale 1 and integers 0", () => {
  for (const method of ["max-abs", "mse"] as const) {
    const weights = Float32Array.of(0, -0, 1, 2);
    const scales = weightScales(weights, 2, { bits: 4, perChannel: true, method });
    assert.equal(scales[0], 1);
    assert.deepEqual([...quantizeWeights(weights, scales, 4).subarray(0, 2)], [0, 0]);
  }
});

Deno.test("mse finds the exact ternary code that max-abs misses", () => {
  const weights = Float32Array.of(0.5, -0.5, 0.5, 0, 0, -0.5, 0.5, 0.6);
  const scales = weightScales(weights, 1, { bits: 2, perChannel: true, method: "mse" });
  assert.ok(Math.abs(scales[0] - 3.1 / 6) < 1e-7, `${scales[0]}`); // <w, q> / <q, q> of six +-1 codes
});

Deno.test("mse: error is at most that of max-abs", () => {
  fc.assert(fc.property(weightArrays, widths, fc.boolean(), ({ weights, channels }, bits, perChannel) => {
    const error = (method: "max-abs" | "mse"): number =>
      weightError(weights, weightScales(weights, channels, { bits, perChannel, method }), bits);
    assert.ok(error("mse") <= error("max-abs"));
  }));
});

Deno.test("mse: error falls from per tensor to per channel and with every bit", () => {
  const weights = Float32Array.from(laplace(4 * 300, 3, 1), (w, i) => w * 2 ** Math.floor(i / 300));
  let previous = Infinity;
  for (let bits = 2; bits <= 8; bits++) {
    const error = (perChannel: boolean): number =>
      weightError(weights, weightScales(weights, 4, { bits, perChannel, method: "mse" }), bits);
    assert.ok(error(true) < error(false), `${bits} bits: per channel against per tensor`);
    assert.ok(error(true) < previous, `${bits} bits against ${bits - 1}`);
    previous = error(true);
  }
});

Deno.test("mse beats a dense search over 2000 scales to within one percent", () => {
  const weights = laplace(576, 7, 0.1);
  for (let bits = 2; bits <= 8; bits++) {
    const [widest] = weightScales(weights, 1, { bits, perChannel: true, method: "max-abs" });
    const scales = weightScales(weights, 1, { bits, perChannel: true, method: "mse" });
    const errors = Array.from(
      { length: 2000 },
      (_, i) => weightError(weights, Float64Array.of((widest * (i + 1)) / 2000), bits),
    );
    const best = Math.min(...errors);
    assert.ok(weightError(weights, scales, bits) <= best * 1.01, `${bits} bits`);
  }
});

Deno.test("integers are of narrow range, and dequantizeWeights gives back what they stand for", () => {
  fc.assert(fc.property(weightArrays, widths, ({ weights, channels }, bits) => {
    const scales = weightScales(weights, channels, { bits, perChannel: true, method: "mse" });
    const integers = quantizeWeights(weights, scales, bits);
    assert.ok(integers.every((q) => Math.abs(q) <= weightLimit(bits)));
    const restored = dequantizeWeights(integers, scales);
    const expected = weights.reduce((sum, w, i) => sum + (w - restored[i]) ** 2, 0);
    const energy = weights.reduce((sum, w) => sum + w * w, 0);
    assert.ok(Math.abs(weightError(weights, scales, bits) - expected) <= 1e-6 * energy);
  }));
});

Deno.test("channelRanges gives the extremes of each channel", () => {
  assert.deepEqual(channelRanges(Float32Array.of(1, -2, 3, 4, 5, 6), 2), [{ min: -2, max: 3 }, { min: 4, max: 6 }]);
  assert.deepEqual(channelRanges(new Float32Array(0), 1), [{ min: 0, max: 0 }]);
});

Deno.test("NaN, infinity, bits and channels out of range are refused", () => {
  const options = { bits: 8, perChannel: true, method: "mse" } as const;
  assert.throws(() => weightScales(Float32Array.of(1, 2, 3, NaN), 2, options), /weight 1 of channel 1 is NaN/);
  assert.throws(() => weightScales(Float32Array.of(-Infinity), 1, options), /weight 0 of channel 0 is -Infinity/);
  assert.throws(() => channelRanges(Float32Array.of(NaN), 1), /is NaN/);
  assert.throws(() => weightScales(Float32Array.of(1, 2, 3), 2, options), /3 weights do not divide into 2 channels/);
  assert.throws(() => weightScales(Float32Array.of(1), 1, { ...options, bits: 1 }), /1 bits: expected 2 to 8/);
  assert.throws(() => quantizeWeights(Float32Array.of(1), Float64Array.of(1), 9), /9 bits/);
});
