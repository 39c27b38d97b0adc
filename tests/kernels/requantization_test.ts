import assert from "node:assert/strict";
import fc from "fast-check";
import { KERNELS, runReference } from "../../kernels/mod.ts";
import type { Problem } from "../../kernels/kernel.ts";
import type {
  ConcatProblem,
  ConvolutionProblem,
  IntegerDType,
  OutputRange,
  SumProblem,
} from "../../lib/arith/problem.ts";
import { allocate, type ArrayOf, type NumberDType, type TypedArray } from "../../lib/tensor/dtype.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { randomSum } from "./random/elementwise.ts";
import { edgeInteger, randomMultiplier, randomRange, randomShift } from "./random/values.ts";
import { runKernel } from "./run_kernel.ts";

/** clamp(Z + ((product + 2^(c-1)) >> c), low, high) in unbounded integers, from the definition and nothing else. */
function oracle(product: bigint, shift: number, { zeroPoint, low, high }: OutputRange): number {
  const half = shift === 0 ? 0n : 1n << BigInt(shift - 1);
  const q = BigInt(zeroPoint) + ((product + half) >> BigInt(shift));
  return q < BigInt(low) ? low : q > BigInt(high) ? high : Number(q);
}

/** The reference and every kernel that supports the problem give `expected`. */
function checkAll(problem: Problem, inputs: readonly TypedArray[], dtype: IntegerDType, expected: number[]): void {
  const output = allocate(dtype, expected.length);
  const wanted = output.slice();
  wanted.set(expected);
  runReference(problem, inputs, output);
  assert.deepEqual(output, wanted, "reference");
  for (const kernel of KERNELS.filter(({ kind, supports }) => kind === problem.kind && supports(problem))) {
    assert.deepEqual(runKernel(kernel, problem, inputs, output), wanted, kernel.name);
  }
}

/** Accumulators with neighbours of every power of two. */
function randomAccumulator(): fc.Arbitrary<number> {
  const nearPower = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom(-1, 0, 1), fc.constantFrom(-1, 1))
    .map(([exponent, delta, sign]) => sign * (2 ** exponent + delta));
  return fc.oneof(edgeInteger(-(2 ** 31) + 1, 2 ** 31 - 1), nearPower);
}

/** A convolution whose accumulators are its biases: its weights are 0. */
function biasProblem(
  channels: readonly { acc: number; b: number; c: number }[],
  range: OutputRange,
): ConvolutionProblem {
  return {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: 1,
    outputChannels: channels.length,
    groups: 1,
    inputZeroPoint: 0,
    inputHigh: 255,
    weights: new Int8Array(channels.length),
    bias: Int32Array.from(channels, ({ acc }) => acc),
    output: {
      ...range,
      multipliers: Int32Array.from(channels, ({ b }) => b),
      shifts: Uint8Array.from(channels, ({ c }) => c),
    },
  };
}

Deno.test("requantization equals unbounded integers for every legal multiplier, shift and accumulator", () => {
  const channel = fc.record({ acc: randomAccumulator(), b: randomMultiplier(), c: randomShift() });
  fc.assert(
    fc.property(fc.array(channel, { minLength: 1, maxLength: 40 }), randomRange(), (channels, range) => {
      const expected = channels.map(({ acc, b, c }) => oracle(BigInt(acc) * BigInt(b), c, range));
      checkAll(biasProblem(channels, range), [Uint8Array.of(255)], range.dtype, expected);
    }),
    { numRuns: 400 },
  );
});

Deno.test("one shift for all channels, the fast path, equals unbounded integers at every shift", () => {
  for (let shift = 30; shift <= 62; shift++) {
    const range: OutputRange = { dtype: "i32", zeroPoint: -3, low: -(2 ** 31), high: 2 ** 31 - 1 };
    const largest = Math.min(2 ** 31 - 1, 2 ** (shift - 2));
    const values = [0, 1, -1, 2, -2, 3, -3, largest, -largest, largest - 1, 1 - largest].filter((v) =>
      Math.abs(v) <= largest
    );
    const channels = values.flatMap((acc) =>
      [2 ** 30, 2 ** 31 - 1, 2 ** 30 + 12345].map((b) => ({ acc, b, c: shift }))
    );
    const expected = channels.map(({ acc, b, c }) => oracle(BigInt(acc) * BigInt(b), c, range));
    checkAll(biasProblem(channels, range), [Uint8Array.of(0)], "i32", expected);
  }
});

Deno.test("halves round up: 1 * 2^30 / 2^31 is 1, -1 * 2^30 / 2^31 is 0", () => {
  const range: OutputRange = { dtype: "i32", zeroPoint: 0, low: -100, high: 100 };
  const channels = [1, -1, 3, -3].map((acc) => ({ acc, b: 2 ** 30, c: 31 }));
  checkAll(biasProblem(channels, range), [Uint8Array.of(0)], "i32", [1, 0, 2, -1]);
});

Deno.test("sums equal unbounded integers", () => {
  fc.assert(
    fc.property(randomSum(), ({ problem, inputs }) => {
      const { pixels, channels, terms, shift, output } = problem as SumProblem;
      const expected = Array.from({ length: pixels * channels }, (_, i) => {
        const total = terms.reduce((sum, { zeroPoint, multipliers }, t) => {
          const value = (inputs[t] as ArrayOf<NumberDType>)[i] - zeroPoint;
          return sum + BigInt(value) * BigInt(multipliers[multipliers.length === 1 ? 0 : i % channels]);
        }, 0n);
        return oracle(total, shift, output);
      });
      checkAll(problem, inputs, output.dtype, expected);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a concatenation of one part equals unbounded integers", () => {
  const value = randomAccumulator();
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 30 }),
      fc.record({ multiplier: randomMultiplier(), shift: randomShift() }),
      edgeInteger(-(2 ** 16), 2 ** 16),
      randomRange(),
      (values, rescale, zeroPoint, output) => {
        const part = { dtype: "i32" as const, inner: values.length, zeroPoint, rescale };
        const problem: ConcatProblem = { kind: "concat", outer: 1, parts: [part], output };
        const expected = values.map((v) =>
          oracle(BigInt(v - zeroPoint) * BigInt(rescale.multiplier), rescale.shift, output)
        );
        checkAll(problem, [Int32Array.from(values)], output.dtype, expected);
      },
    ),
    { numRuns: 200 },
  );
});
