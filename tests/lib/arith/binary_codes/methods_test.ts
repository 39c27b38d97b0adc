import assert from "node:assert/strict";
import fc from "fast-check";
import { type CodeMethod, squaredCodeError } from "../../../../lib/arith/binary_codes/codes.ts";
import { fitCoefficients } from "../../../../lib/arith/binary_codes/fit_coefficients.ts";
import { ALTERNATING } from "../../../../lib/arith/binary_codes/methods/alternating.ts";
import { BALANCED } from "../../../../lib/arith/binary_codes/methods/balanced.ts";
import { GREEDY } from "../../../../lib/arith/binary_codes/methods/greedy.ts";
import { CODE_METHODS } from "../../../../lib/arith/binary_codes/methods/mod.ts";
import { MULTISTART } from "../../../../lib/arith/binary_codes/methods/multistart.ts";
import { REFINED } from "../../../../lib/arith/binary_codes/methods/refined.ts";
import { TERNARY } from "../../../../lib/arith/binary_codes/methods/ternary.ts";
import { UNIFORM } from "../../../../lib/arith/binary_codes/methods/uniform.ts";
import { seededRandom } from "../../../../lib/tensor/random.ts";
import { leastTwoBitError } from "./optimal_codes.ts";

const ROUNDING = 1e-9;

const rows = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 0, maxLength: 24 });
const cases = CODE_METHODS.flatMap((method) => method.bits.map((bits) => ({ method, bits })));

function errorOf(method: CodeMethod, values: ArrayLike<number>, bits: number): number {
  return squaredCodeError(values, method.encode(values, bits));
}

/** Least squared error over all codes of 2 bits, every one of them fitted. */
function bruteForce(values: readonly number[]): number {
  let least = Infinity;
  for (let all = 0; all < 4 ** values.length; all++) {
    const codes = Uint8Array.from(values, (_, i) => Math.floor(all / 4 ** i) % 4);
    least = Math.min(least, squaredCodeError(values, { codes, coefficients: fitCoefficients(values, codes, 2) }));
  }
  return least;
}

/** Least error of 2-bit codes over all ways to part the magnitudes in two, each part at its mean. */
function leastOverSubsets(values: readonly number[]): number {
  const magnitudes = values.map(Math.abs);
  const squares = magnitudes.reduce((sum, m) => sum + m * m, 0);
  let explained = 0;
  for (let subset = 0; subset < 2 ** values.length; subset++) {
    const [sums, counts] = [[0, 0], [0, 0]];
    magnitudes.forEach((m, i) => {
      sums[subset >> i & 1] += m;
      counts[subset >> i & 1]++;
    });
    explained = Math.max(explained, sums.reduce((sum, s, part) => sum + (counts[part] ? s * s / counts[part] : 0), 0));
  }
  return squares - explained;
}

Deno.test("uniform: four levels at equal distances, halves to the larger", () => {
  const { coefficients, codes } = UNIFORM.encode([-3, -2, -1, 0, 1, 1.9, 2.1, 3], 2);
  assert.deepEqual([...coefficients], [1, 2]);
  assert.deepEqual([...codes], [0, 1, 1, 2, 2, 2, 3, 3]);
});

Deno.test("balanced: every level has its share, equal values the same level", () => {
  assert.deepEqual([...BALANCED.encode([5, 1, 2, 3, 4, 6, 7, 8], 2).codes], [2, 0, 0, 1, 1, 2, 3, 3]);
  assert.deepEqual([...BALANCED.encode([1, 1, 1, 1], 2).codes], [3, 3, 3, 3]);
});

Deno.test("greedy: signs and mean magnitude of what is left", () => {
  const { coefficients, codes } = GREEDY.encode([4, 2, -2, -4], 2);
  assert.deepEqual([...coefficients], [3, 1]);
  assert.deepEqual([...codes], [3, 1, 2, 0]);
});

Deno.test("refined: two coefficients solve the normal equations of both vectors", () => {
  const values = [6, 1, 1, -2];
  const { coefficients, codes } = REFINED.encode(values, 2);
  // Signs + + + - of mean 2.5 leave 3.5, -1.5, -1.5, 0.5: signs + - - +.
  assert.deepEqual([...codes], [3, 1, 1, 2]);
  const residual = values.map((w, i) =>
    w - [0, 1].reduce((s, k) => s + (codes[i] >> k & 1 ? 1 : -1) * coefficients[k], 0)
  );
  for (const k of [0, 1]) {
    const inner = residual.reduce((sum, r, i) => sum + r * (codes[i] >> k & 1 ? 1 : -1), 0);
    assert.ok(Math.abs(inner) < ROUNDING, `residual is not orthogonal to vector ${k}: ${inner}`);
  }
});

Deno.test("alternating finds sums of two vectors that greedy misses", () => {
  const values = [10, 10, 10, 10, 10, 10, 2, -2];
  assert.ok(errorOf(GREEDY, values, 2) > 1);
  assert.ok(errorOf(ALTERNATING, values, 2) < ROUNDING);
});

Deno.test("ternary: the threshold of least squared error", () => {
  const { coefficients, codes } = TERNARY.encode([5, -4, 0.5, 0, -0.25], 2);
  assert.deepEqual([...coefficients], [2.25, 2.25]);
  assert.deepEqual([...codes], [3, 0, 1, 1, 1]);
});

for (const { method, bits } of cases) {
  Deno.test(`${method.name}, ${bits} bits: codes and coefficients are in range, the same every time`, () => {
    fc.assert(fc.property(rows, (values) => {
      const found = method.encode(values, bits);
      assert.deepEqual([found.codes.length, found.coefficients.length], [values.length, bits]);
      assert.ok(found.codes.every((code) => code < 2 ** bits));
      assert.ok(found.coefficients.every((coefficient) => coefficient >= 0 && Number.isFinite(coefficient)));
      assert.deepEqual(method.encode(Float64Array.from(values), bits), found);
    }));
  });

  Deno.test(`${method.name}, ${bits} bits: a power of two times the values scales the coefficients alone`, () => {
    const random = seededRandom(11);
    for (let i = 0; i < 20; i++) {
      const values = Array.from({ length: random.integer(1, 64) }, random.normal);
      const found = method.encode(values, bits);
      const scaled = method.encode(values.map((value) => 8 * value), bits);
      assert.deepEqual(scaled.codes, found.codes, `row ${i} of seed 11`);
      assert.deepEqual(scaled.coefficients, found.coefficients.map((coefficient) => 8 * coefficient));
    }
  });

  Deno.test(`${method.name}, ${bits} bits: zeros have no error`, () => {
    assert.equal(errorOf(method, new Float32Array(5), bits), 0);
  });
}

Deno.test("alternating <= refined <= greedy in squared error, row by row", () => {
  const random = seededRandom(3);
  const laplace = (): number => Math.log(1 - random.uniform()) * (random.uniform() < 0.5 ? -1 : 1);
  for (let row = 0; row < 60; row++) {
    const values = Float64Array.from({ length: 512 }, row % 2 ? laplace : random.normal);
    for (const bits of [1, 2, 3, 4]) {
      const [greedy, refined, alternating] = [GREEDY, REFINED, ALTERNATING].map((m) => errorOf(m, values, bits));
      const where = `row ${row} of seed 3, ${bits} bits: ${alternating}, ${refined}, ${greedy}`;
      assert.ok(refined <= greedy * (1 + ROUNDING) && alternating <= refined * (1 + ROUNDING), where);
    }
  }
});

Deno.test("alternating is never worse than greedy, whatever the row", () => {
  fc.assert(fc.property(rows, fc.integer({ min: 1, max: 4 }), (values, bits) => {
    const scale = values.reduce((sum, value) => sum + value * value, 0);
    assert.ok(errorOf(ALTERNATING, values, bits) <= errorOf(GREEDY, values, bits) + ROUNDING * scale);
  }));
});

Deno.test("multistart is never worse than alternating or uniform", () => {
  fc.assert(fc.property(rows, fc.integer({ min: 1, max: 4 }), (values, bits) => {
    const scale = values.reduce((sum, value) => sum + value * value, 0);
    const others = [ALTERNATING, UNIFORM].map((method) => errorOf(method, values, bits));
    assert.ok(errorOf(MULTISTART, values, bits) <= Math.min(...others) + ROUNDING * scale);
  }));
});

Deno.test("the optimum of 2 bits is that of all codes and of all ways to part the magnitudes", () => {
  const random = seededRandom(5);
  for (let length = 1; length <= 5; length++) {
    const values = Array.from({ length }, random.normal);
    assert.ok(Math.abs(leastTwoBitError(values) - bruteForce(values)) < ROUNDING, `length ${length} of seed 5`);
  }
  for (let length = 1; length <= 12; length++) {
    const values = Array.from({ length }, random.normal);
    assert.ok(Math.abs(leastTwoBitError(values) - leastOverSubsets(values)) < ROUNDING, `length ${length} of seed 5`);
  }
});

Deno.test("no method is better than the optimum of 2 bits, and alternating often reaches it", () => {
  const random = seededRandom(6);
  let reached = 0;
  for (let row = 0; row < 200; row++) {
    const values = Array.from({ length: random.integer(2, 12) }, random.normal);
    const least = leastTwoBitError(values);
    for (const method of CODE_METHODS) assert.ok(errorOf(method, values, 2) >= least - ROUNDING, method.name);
    if (errorOf(ALTERNATING, values, 2) <= least + ROUNDING) reached++;
  }
  assert.ok(reached > 100, `alternating reached the optimum of ${reached} of 200 rows`);
});
