import assert from "node:assert/strict";
import fc from "fast-check";
import { accumulatorBounds, overflowingChannel, sumFitsInt64 } from "../../../lib/arith/bounds.ts";
import type { ConvolutionProblem, SumProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";

function matrix(weights: number[][], bias: number[], inputZeroPoint: number, inputHigh = 255): ConvolutionProblem {
  return {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: weights[0].length,
    outputChannels: weights.length,
    groups: 1,
    inputZeroPoint,
    inputHigh,
    weights: Int8Array.from(weights.flat()),
    bias: Int32Array.from(bias),
  };
}

Deno.test("no input reaches beyond the accumulator bound, and some input of extremes comes near", () => {
  const small = fc.integer({ min: -7, max: 7 });
  fc.assert(
    fc.property(
      fc.array(small, { minLength: 1, maxLength: 4 }),
      small,
      fc.integer({ min: 0, max: 15 }),
      (weights, bias, zeroPoint) => {
        const [bound] = accumulatorBounds(matrix([weights], [bias], zeroPoint, 15));
        for (let code = 0; code < 2 ** weights.length; code++) {
          const acc = weights.reduce((sum, w, i) => sum + w * ((code >> i & 1) * 15 - zeroPoint), bias);
          assert.ok(Math.abs(acc) <= bound);
        }
      },
    ),
  );
});

Deno.test("the channel that can overflow is named", () => {
  const bounds = accumulatorBounds(matrix([[1], [127]], [0, 2 ** 31 - 1], 0));
  assert.deepEqual(overflowingChannel(bounds), { channel: 1, bound: 127 * 255 + 2 ** 31 - 1 });
  assert.equal(overflowingChannel(bounds.subarray(0, 1)), undefined);
});

Deno.test("two full accumulators do not fit 64 bits, proven ones do", () => {
  const term = { dtype: "i32" as const, zeroPoint: 0, multipliers: Int32Array.of(2 ** 31 - 1) };
  const problem: SumProblem = {
    kind: "sum",
    pixels: 1,
    channels: 1,
    terms: [term, term],
    shift: 62,
    output: { dtype: "u8", zeroPoint: 0, low: 0, high: 255 },
  };
  assert.equal(sumFitsInt64(problem, []), false);
  assert.equal(sumFitsInt64(problem, [Float64Array.of(2 ** 24), Float64Array.of(2 ** 24)]), true);
});
