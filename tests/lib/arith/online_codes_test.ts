import assert from "node:assert/strict";
import fc from "fast-check";
import { ALTERNATING } from "../../../lib/arith/binary_codes/methods/alternating.ts";
import { squaredCodeError } from "../../../lib/arith/binary_codes/codes.ts";
import {
  codeCoefficients,
  CODED_LENGTH_MAX,
  codeVectors,
  magnitudeSums,
  nearestValues,
} from "../../../lib/arith/online_codes.ts";
import { type Random, seededRandom } from "../../../lib/tensor/random.ts";

const DISTRIBUTIONS: Readonly<Record<string, (random: Random) => number>> = {
  Gaussian: (random) => 32 * random.normal(),
  Laplace: (random) => (random.uniform() < 0.5 ? -18 : 18) * Math.log(1 - random.uniform()),
  uniform: (random) => 254 * (random.uniform() - 0.5),
  "h of an LSTM": (random) => 127 * Math.tanh(0.6 * random.normal()) / (1 + Math.exp(-2 * random.normal())),
  "two peaks": (random) => (random.uniform() < 0.5 ? -1 : 1) * (100 + 10 * random.normal()),
};

function draw(length: number, distribution: (random: Random) => number, seed: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length }, () => Math.max(-127, Math.min(127, Math.round(distribution(random)))));
}

function errorOf(differences: Int32Array, bits: number): number {
  const nearest = nearestValues(codeCoefficients(magnitudeSums(differences), bits));
  return differences.reduce((sum, x) => sum + (x - (x < 0 ? -nearest[-x] : nearest[x])) ** 2, 0);
}

for (const [name, distribution] of Object.entries(DISTRIBUTIONS)) {
  Deno.test(`integer codes of ${name} vectors lose no more than the paper's two rounds in float`, () => {
    for (const bits of [1, 2, 3, 4]) {
      let [own, paper] = [0, 0];
      for (let seed = 0; seed < 8; seed++) {
        const differences = draw(300, distribution, seed);
        own += errorOf(differences, bits);
        paper += squaredCodeError(differences, ALTERNATING.encode(differences, bits));
      }
      // Integers cost at most a twelfth of a unit's square for each coefficient.
      assert.ok(own <= 1.001 * paper + 8 * 300 * bits / 12, `${bits} bits: ${own} of ${paper}`);
    }
  });
}

Deno.test("one bit is the mean magnitude, halves up", () => {
  const values = [3, -4, 0, 7, -8]; // 22 / 5
  assert.deepEqual([...codeCoefficients(magnitudeSums(values), 1)], [4]);
  assert.deepEqual([...codeCoefficients(magnitudeSums([1, -2]), 1)], [2]);
});

Deno.test("vectors of few different magnitudes keep them", () => {
  const values = Array.from({ length: 64 }, (_, i) => [-90, -30, 30, 90][i % 4] + 128);
  const coded = Uint8Array.from(values);
  codeVectors(coded, { length: 64, bits: 2, zeroPoint: 128, low: 0, high: 255 });
  assert.deepEqual([...coded], values);
});

Deno.test("every element becomes the nearest sum of its own vector's coefficients", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 60 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 0, max: 255 }),
    (bytes, bits, zeroPoint) => {
      const coefficients = codeCoefficients(magnitudeSums(bytes.map((q) => q - zeroPoint)), bits);
      const sums = Array.from(
        { length: 2 ** bits },
        (_, code) => coefficients.reduce((sum, b, k) => sum + (code >> k & 1 ? b : -b), 0),
      );
      const coded = Int32Array.from(bytes);
      const wide = { low: -(2 ** 20), high: 2 ** 20 };
      codeVectors(coded, { length: bytes.length, bits, zeroPoint, ...wide });
      bytes.forEach((q, i) => {
        const [found, x] = [coded[i] - zeroPoint, q - zeroPoint];
        assert.ok(sums.includes(found), `${found} is none of ${sums}`);
        assert.ok(sums.every((sum) => Math.abs(x - sum) >= Math.abs(x - found)), `${found} is not nearest to ${x}`);
      });
    },
  ));
});

Deno.test("the longest vectors of the largest magnitudes stay in 32 bits", () => {
  for (const bits of [1, 2, 3, 4]) {
    const largest = new Int32Array(CODED_LENGTH_MAX).fill(-255);
    assert.equal(errorOf(largest, bits), 0);
    const parted = largest.map((value, i) => i % 2 === 0 ? value : 0);
    assert.ok(errorOf(parted, bits) <= (bits === 1 ? 128 ** 2 * CODED_LENGTH_MAX : bits * CODED_LENGTH_MAX));
  }
});

Deno.test("a vector of zeros stays, and vectors do not see each other", () => {
  const coding = { length: 3, bits: 2, zeroPoint: 7, low: 0, high: 255 };
  const coded = Uint8Array.of(7, 7, 7, 9, 100, 5);
  codeVectors(coded, coding);
  const alone = Uint8Array.of(9, 100, 5);
  codeVectors(alone, coding);
  assert.deepEqual([...coded], [7, 7, 7, ...alone]);
});
