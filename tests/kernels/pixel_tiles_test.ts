import assert from "node:assert/strict";
import fc from "fast-check";
import { balancedSplit, pixelTiles } from "../../kernels/convolution/pixel_tiles.ts";

Deno.test("14 in tiles of 6 is 5 + 5 + 4", () => {
  assert.deepEqual(balancedSplit(14, 6), [{ count: 2, size: 5 }, { count: 1, size: 4 }]);
  assert.deepEqual(balancedSplit(12, 6), [{ count: 2, size: 6 }]);
  assert.deepEqual(balancedSplit(0, 6), []);
});

Deno.test("a split has the fewest parts, none too large, and loses nothing", () => {
  fc.assert(fc.property(fc.nat(500), fc.integer({ min: 1, max: 20 }), (total, largest) => {
    const runs = balancedSplit(total, largest);
    assert.equal(runs.reduce((sum, { count, size }) => sum + count * size, 0), total);
    assert.equal(runs.reduce((sum, { count }) => sum + count, 0), Math.ceil(total / largest));
    assert(runs.every(({ size }) => size <= largest));
  }));
});

Deno.test("narrow images fill a tile with several rows", () => {
  assert.deepEqual(pixelTiles(5, 2, 6), {
    rows: [{ count: 1, size: 3 }, { count: 1, size: 2 }],
    columns: [{ count: 1, size: 2 }],
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      (rows, columns, pixels) => {
        const tiles = pixelTiles(rows, columns, pixels);
        for (const row of tiles.rows) for (const column of tiles.columns) assert(row.size * column.size <= pixels);
      },
    ),
  );
});
