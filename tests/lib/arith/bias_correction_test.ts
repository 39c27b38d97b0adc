import assert from "node:assert/strict";
import { biasCorrection } from "../../../lib/arith/bias_correction.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

Deno.test("a corrected layer keeps the mean of every output channel, with and without groups", () => {
  const random = seededRandom(3);
  for (const groups of [1, 2, 4]) {
    const [inputs, outputs, taps, rows] = [4, 8, 3, 50];
    const shape = [outputs, inputs / groups, taps];
    const weights = Float32Array.from({ length: outputs * shape[1] * taps }, () => random.normal());
    const quantized = weights.map((w) => Math.round(w));
    const x = Array.from({ length: rows }, () => Float32Array.from({ length: inputs }, () => random.uniform() * 3));
    const q = x.map((row) => row.map((v) => Math.floor(v)));
    const meanOf = (data: Float32Array[], i: number) => data.reduce((sum, row) => sum + row[i], 0) / rows;
    const means = Array.from({ length: inputs }, (_, i) => meanOf(x, i));
    const shifts = Array.from({ length: inputs }, (_, i) => meanOf(q, i) - means[i]);
    const correction = biasCorrection(weights, quantized, shape, means, shifts);
    for (let o = 0; o < outputs; o++) {
      // Every tap reads the same row here, so that no padding takes part.
      const outputOf = (w: Float32Array, row: Float32Array) => {
        const first = Math.floor(o / (outputs / groups)) * shape[1];
        let sum = 0;
        for (let k = 0; k < shape[1] * taps; k++) sum += w[o * shape[1] * taps + k] * row[first + Math.floor(k / taps)];
        return sum;
      };
      const lost = x.reduce((sum, row, r) => sum + outputOf(weights, row) - outputOf(quantized, q[r]), 0) / rows;
      assert.ok(Math.abs(correction[o] - lost) < 1e-4, `${groups} groups, output ${o}: ${correction[o]} ${lost}`);
    }
  }
});
