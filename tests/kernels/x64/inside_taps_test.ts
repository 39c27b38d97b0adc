import assert from "node:assert/strict";
import fc from "fast-check";
import { pixelTiles } from "../../../kernels/convolution/pixel_tiles.ts";
import { insideTiles, rangeNumbers, rowAxis, tapRanges } from "../../../kernels/x64/convolution/inside_taps.ts";
import { randomWindow } from "../random/window.ts";

Deno.test("tiles are parted so that every output reads its taps inside of the image, and nothing else", () => {
  fc.assert(
    fc.property(randomWindow(20, 5), fc.integer({ min: 1, max: 14 }), (window, largest) => {
      const axis = rowAxis(window);
      const all = tapRanges(axis);
      let output = 0;
      for (const tile of insideTiles(pixelTiles(1, axis.outputs, largest).columns, axis)) {
        const taps = tile.taps.flatMap((run) => new Array(run.count).fill(run));
        assert.equal(taps.length, axis.kernel);
        const numbers = rangeNumbers(tile, all);
        for (let i = 0; i < tile.count * tile.size; i++) {
          const at = i % tile.size;
          const read = taps.flatMap(({ from, to }, tap) => from <= at && at < to ? [tap] : []);
          const inside = taps.flatMap((_, tap) => {
            const row = output * axis.stride - axis.pad + tap * axis.dilation;
            return row >= 0 && row < axis.input ? [tap] : [];
          });
          assert.deepEqual(read, inside);
          const [first, end] = all[numbers[at]];
          assert.deepEqual(inside, Array.from({ length: end - first }, (_, j) => first + j));
          output++;
        }
      }
      assert.equal(output, axis.outputs);
    }),
    { numRuns: 300 },
  );
});
