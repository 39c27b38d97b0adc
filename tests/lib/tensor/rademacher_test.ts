import assert from "node:assert/strict";
import { fillRademacher, mixedSeed, rademacherStream } from "../../../lib/tensor/rademacher.ts";

Deno.test("signs are 1 and -1, balanced, and uncorrelated between seeds and neighbours", () => {
  const length = 100_003;
  const streams = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]].map((seed) =>
    fillRademacher(new Float32Array(length), rademacherStream(...seed))
  );
  const bound = 4 * Math.sqrt(length); // 4 standard deviations of a sum of as many signs
  streams.forEach((signs, s) => {
    assert.ok(signs.every((sign) => sign === 1 || sign === -1));
    assert.ok(Math.abs(signs.reduce((a, b) => a + b, 0)) < bound);
    for (const lag of [1, 2, 31, 32, 33]) {
      assert.ok(Math.abs(signs.reduce((sum, sign, i) => sum + sign * (signs[i + lag] ?? 0), 0)) < bound);
    }
    for (const other of streams.slice(s + 1)) {
      assert.ok(Math.abs(signs.reduce((sum, sign, i) => sum + sign * other[i], 0)) < bound);
    }
  });
});

Deno.test("the same seed gives the same signs, and goes on where the last array ended", () => {
  const whole = fillRademacher(new Float32Array(96), rademacherStream(7, 2));
  const stream = rademacherStream(7, 2);
  const parts = [...fillRademacher(new Float32Array(32), stream), ...fillRademacher(new Float32Array(64), stream)];
  assert.deepEqual([...whole], parts);
});

Deno.test("seeds of different parts differ: order, length and zeros count", () => {
  const seeds = [[], [0], [0, 0], [1], [0, 1], [1, 0], [2 ** 32 - 1], [-1, 0]].map((parts) => mixedSeed(...parts));
  assert.equal(new Set(seeds).size, seeds.length);
  const pairs = Array.from({ length: 10_000 }, (_, i) => mixedSeed(Math.floor(i / 100), i % 100));
  assert.ok(new Set(pairs).size >= pairs.length - 2);
});
