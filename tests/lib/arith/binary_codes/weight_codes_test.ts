import assert from "node:assert/strict";
import {
  codedWeights,
  codesFault,
  packPlanes,
  reorderedCodes,
  unpackPlanes,
  type WeightCodes,
} from "../../../../lib/arith/binary_codes/weight_codes.ts";
import { seededRandom } from "../../../../lib/tensor/random.ts";

const CODES: WeightCodes = {
  bits: 2,
  groupColumns: 2,
  planes: Uint8Array.of(0b011, 0b101, 0b110, 0b000),
  multipliers: Int8Array.of(3, 1, 100, -27, 5, 5, 7, 0),
};

Deno.test("weights are sums of multipliers with the signs of their bits, group by group", () => {
  assert.deepEqual([...codedWeights(CODES, 2, 3)], [3 + 1, 3 - 1, -100 - 27, -10, 5 - 5, 7]);
});

Deno.test("planes hold codes of any width", () => {
  const random = seededRandom(1);
  for (const columns of [0, 1, 7, 8, 9, 17]) {
    const codes = Uint8Array.from({ length: 3 * columns }, () => random.integer(0, 7));
    const planes = packPlanes(codes, 3, columns, 3);
    assert.equal(planes.length, 3 * 3 * Math.ceil(columns / 8));
    assert.deepEqual(unpackPlanes(planes, 3, columns, 3), codes);
  }
});

Deno.test("whole rows can be reordered, groups cannot", () => {
  const whole = { ...CODES, groupColumns: 3, multipliers: CODES.multipliers.slice(0, 4) };
  const [before, after] = [whole, reorderedCodes(whole, 2, [2, 0, 1])].map((codes) => [...codedWeights(codes, 2, 3)]);
  assert.deepEqual(after, [2, 0, 1, 5, 3, 4].map((i) => before[i]));
  assert.throws(() => reorderedCodes(CODES, 2, [2, 0, 1]), /groups of 2 of 3 columns/);
});

Deno.test("codes that are none are named", () => {
  const faultOf = (change: Partial<WeightCodes>): string | undefined => codesFault({ ...CODES, ...change }, 2, 3);
  assert.equal(faultOf({}), undefined);
  assert.match(faultOf({ planes: CODES.planes.slice(1) })!, /3 bytes and 8 multipliers, expected 4 and 8 for 2x3/);
  assert.match(faultOf({ groupColumns: 3 })!, /4 bytes and 8 multipliers, expected 4 and 4/);
  assert.match(faultOf({ planes: Uint8Array.of(1, 1, 1, 8) })!, /codes of row 1 have a bit behind their 3 columns/);
  assert.match(faultOf({ multipliers: CODES.multipliers.with(4, -123) })!, /row 1 add up to 128, expected at most 127/);
});
