import assert from "node:assert/strict";
import fc from "fast-check";
import { fromPlanes, greyOfRgb, type Image, toChannels, toPlanes } from "../../../lib/format/pixels.ts";

const byte = fc.nat(255);

Deno.test("pixels: grey follows the luma weights to half a step and keeps grey colours", () => {
  fc.assert(fc.property(byte, byte, byte, (red, green, blue) => {
    const exact = 0.299 * red + 0.587 * green + 0.114 * blue;
    assert.ok(Math.abs(greyOfRgb(red, green, blue) - exact) <= 0.505);
  }));
  for (let value = 0; value < 256; value++) assert.equal(greyOfRgb(value, value, value), value);
  assert.deepEqual([greyOfRgb(255, 0, 0), greyOfRgb(0, 255, 0), greyOfRgb(0, 0, 255)], [76, 150, 29]);
});

Deno.test("pixels: grey to colour and back is the same image", () => {
  const grey: Image = { width: 3, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 200, 254, 255) };
  const colour = toChannels(grey, 3);
  assert.deepEqual([...colour.data.slice(0, 6)], [1, 1, 1, 2, 2, 2]);
  assert.deepEqual(toChannels(colour, 1), grey);
  assert.throws(() => toChannels(grey, 4), RangeError);
});

Deno.test("pixels: planes are channels outermost, and back", () => {
  const image: Image = { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const planes = toPlanes(image);
  assert.deepEqual([...planes], [1, 4, 2, 5, 3, 6]);
  assert.deepEqual(fromPlanes(planes, 3, 1, 2), image);
});
