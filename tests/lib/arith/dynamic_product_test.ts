import assert from "node:assert/strict";
import fc from "fast-check";
import { runReference } from "../../../kernels/mod.ts";
import {
  dynamicExponent,
  dynamicProductBounds,
  dynamicProductFault,
  type DynamicProductProblem,
  largestExponent,
} from "../../../lib/arith/dynamic_product.ts";
import { randomDynamicProduct } from "../../kernels/random/dynamic_product.ts";

Deno.test("the exponent is the smallest with which a vector fits its bits", () => {
  assert.deepEqual([0, 1, 127, 128, 255, 256, 2 ** 31].map((m) => dynamicExponent(m, 8)), [0, 0, 0, 1, 1, 2, 25]);
  assert.deepEqual([1, 2, 3, 4].map((m) => dynamicExponent(m, 2)), [0, 1, 1, 2]);
  assert.deepEqual([2, 8].map(largestExponent), [31, 25]);
});

/** The second form of the equation, as kernels compute it. */
function shiftedFirst(problem: DynamicProductProblem, x: readonly bigint[], o: number): bigint {
  const { activationBits, inputs, weights, bias, output: { multipliers, shifts, zeroPoint, low, high } } = problem;
  const largest = x.map((v) => v < 0n ? -v : v).reduce((a, b) => a > b ? a : b, 0n);
  let e = 0n;
  while (largest >= 1n << (e + BigInt(activationBits) - 1n)) e++;
  const end = 1n << BigInt(activationBits - 1);
  const half = e === 0n ? 0n : 1n << (e - 1n);
  const clampTo = (v: bigint, from: bigint, to: bigint): bigint => v < from ? from : v > to ? to : v;
  const sum = x.reduce(
    (total, v, i) => total + BigInt(weights[o * inputs + i]) * clampTo((v + half) >> e, -end, end - 1n),
    0n,
  );
  const [b, c] = [BigInt(multipliers[o]), BigInt(shifts[o])];
  const offset = BigInt(bias[o]) * b + (1n << (c - 1n));
  const inside = BigInt.asIntN(64, sum * b + (BigInt.asIntN(64, offset) >> e)); // 64 bits hold what has no fault
  return clampTo(BigInt(zeroPoint) + (inside >> (c - e)), BigInt(low), BigInt(high));
}

Deno.test("both forms of a dynamic product are the same in 64 bits where no fault is found", () => {
  fc.assert(
    fc.property(randomDynamicProduct(), ({ problem, inputs: [input], output }) => {
      assert.equal(dynamicProductFault(problem, dynamicProductBounds(problem)), undefined);
      runReference(problem, [input], output);
      for (let p = 0; p < problem.positions; p++) {
        const x = Array.from(input.subarray(p * problem.inputs, (p + 1) * problem.inputs), BigInt);
        for (let o = 0; o < problem.outputs; o++) {
          assert.equal(BigInt(output[p * problem.outputs + o]), shiftedFirst(problem, x, o));
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("outputs whose sums could leave 64 bits, or whose shifts are too small, are found", () => {
  const [{ problem }] = fc.sample(randomDynamicProduct(), { numRuns: 1, seed: 1 });
  const { outputs, activationBits } = problem;
  const faultOf = (fields: Partial<DynamicProductProblem>, bounds = dynamicProductBounds(problem)) =>
    dynamicProductFault({ ...problem, ...fields }, bounds)?.message;
  assert.equal(faultOf({}), undefined);
  const shifts = new Uint8Array(outputs).fill(largestExponent(activationBits) - 1);
  assert.match(faultOf({ output: { ...problem.output, shifts } })!, /is less than/);
  const bias = new Int32Array(outputs).fill(2 ** 31 - 1);
  const multipliers = new Int32Array(outputs).fill(2 ** 31 - 1);
  const largest = { bias, output: { ...problem.output, multipliers, shifts: new Uint8Array(outputs).fill(62) } };
  assert.match(faultOf(largest, new Float64Array(outputs).fill(2 ** 31 - 1))!, /64 bits/);
});
