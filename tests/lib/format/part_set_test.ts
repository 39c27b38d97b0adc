import assert from "node:assert/strict";
import fc from "fast-check";
import { DYAD_VERSION } from "../../../lib/format/artefact.ts";
import { type Shard, shardOf } from "../../../lib/format/part.ts";
import { type NamedPart, wholeSet } from "../../../lib/format/part_set.ts";
import { expectError } from "./expect_error.ts";

const HASH = "0".repeat(64);

function part(index: number, count: number, changes: Partial<NamedPart["content"]> = {}): NamedPart {
  return {
    name: `p${index}.json`,
    content: {
      format: "dyad/part",
      version: 1,
      dyad: DYAD_VERSION,
      inputs: { model: { sha256: HASH } },
      options: { limit: 4 },
      of: "dyad/sensitivity",
      shard: { index, count },
      frame: { layers: [{ name: "conv" }, { name: "fc" }] },
      records: [],
      ...changes,
    },
  };
}

Deno.test("parts in any order come to be in the order of their shards", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 12 }).chain((count) =>
      fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i + 1), { minLength: count })
    ),
    (indices) => {
      const found = wholeSet(indices.map((index) => part(index, indices.length)));
      assert.deepEqual(found.map(({ content }) => content.shard.index), indices.toSorted((a, b) => a - b));
    },
  ));
});

Deno.test("shards take every unit once", () => {
  fc.assert(fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 9 }), (units, count) => {
    const positions = units.map((unit, position) => ({ unit, position }));
    const shards = Array.from({ length: count }, (_, i): Shard => ({ index: i + 1, count }));
    const taken = shards.map((shard) => shardOf(positions, shard));
    assert.deepEqual(taken.flat().toSorted((a, b) => a.position - b.position), positions);
    const sizes = taken.map(({ length }) => length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
  }));
});

const REFUSED: Readonly<Record<string, [parts: NamedPart[], RegExp]>> = {
  "none": [[], /found no parts/],
  "of two artefacts": [
    [part(1, 2), part(2, 2, { of: "dyad/latency" })],
    /p1\.json and p2\.json are parts of different artefacts: found "dyad\/sensitivity" and "dyad\/latency"/,
  ],
  "by two versions": [
    [part(1, 2), part(2, 2, { dyad: "0.0.1" })],
    /p1\.json and p2\.json are made by different versions of dyad: found ".*" and "0\.0\.1"/,
  ],
  "by another version than this": [
    [part(1, 1, { dyad: "0.0.1" })],
    /p1\.json: was made by dyad 0\.0\.1, this is dyad \d.*make the parts again/,
  ],
  "by hand": [[part(1, 1, { dyad: "" })], /p1\.json: was made by hand/],
  "from other files": [
    [part(1, 2), part(2, 2, { inputs: { model: { sha256: "1".repeat(64) } } })],
    /p1\.json and p2\.json are made from different files: model\.sha256: found "000000000000…" and "111111111111…"; make/,
  ],
  "from more files": [
    [part(1, 2), part(2, 2, { inputs: { model: { sha256: HASH }, labels: { sha256: HASH } } })],
    /made from different files: labels: found none and \{"sha256":/,
  ],
  "with other options": [
    [part(1, 2), part(2, 2, { options: { limit: 5 } })],
    /p1\.json and p2\.json are made with different options: limit: found 4 and 5; make all parts by one command/,
  ],
  "with another frame": [
    [part(1, 2), part(2, 2, { frame: { layers: [{ name: "conv" }, { name: "other" }] } })],
    /p1\.json and p2\.json are of different runs: layers\.1\.name: found "fc" and "other"/,
  ],
  "with a list in place of an object": [
    [part(1, 2), part(2, 2, { frame: [] })],
    /of different runs: found \{.*…? and \[\]/,
  ],
  "of two and of three": [
    [part(1, 2), part(2, 3)],
    /p1\.json and p2\.json are parts 1\/2 and 2\/3, of 2 and of 3/,
  ],
  "without the second": [
    [part(1, 3), part(3, 3)],
    /^part 2\/3 of the dyad\/sensitivity is missing: found p1\.json and 1 more; make what is missing with --shard/,
  ],
  "without most": [[part(4, 20)], /^parts 1\/20, 2\/20, .*9\/20 and 11 more of .*found p4\.json alone/],
  "with the second twice": [
    [part(1, 2), part(2, 2), { ...part(2, 2), name: "copy.json" }],
    /p2\.json and copy\.json are both part 2\/2 of the dyad\/sensitivity; expected each part once/,
  ],
  "with a file twice": [[part(1, 2), part(1, 2)], /p1\.json: is given twice, as part 1\/2/],
};

for (const [title, [parts, pattern]] of Object.entries(REFUSED)) {
  Deno.test(`parts are refused: ${title}`, () => {
    expectError("input", () => wholeSet(parts), pattern);
  });
}
