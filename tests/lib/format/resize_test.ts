import assert from "node:assert/strict";
import fc from "fast-check";
import type { Image } from "../../../lib/format/pixels.ts";
import { resizeBilinear } from "../../../lib/format/resize.ts";

const extent = fc.integer({ min: 1, max: 9 });
const anyImage: fc.Arbitrary<Image> = fc.tuple(extent, extent, fc.constantFrom(1, 3)).chain((
  [width, height, channels],
) =>
  fc.uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
    .map((data) => ({ width, height, channels, data }))
);

function grey(height: number, width: number, ...data: number[]): Image {
  return { height, width, channels: 1, data: Uint8Array.from(data) };
}

/** The docstring's formula in unbounded integers. */
function exactPixel(image: Image, height: number, width: number, y: number, x: number, c: number): number {
  const tap = (i: number, output: number, input: number): [number, number, bigint, bigint] => {
    const denominator = BigInt(2 * output);
    let n = BigInt(2 * i + 1) * BigInt(input) - BigInt(output);
    const last = denominator * BigInt(input - 1);
    n = n < 0n ? 0n : n > last ? last : n;
    const first = Number(n / denominator);
    return [first, Math.min(first + 1, input - 1), n % denominator, denominator];
  };
  const [y0, y1, g, E] = tap(y, height, image.height);
  const [x0, x1, f, D] = tap(x, width, image.width);
  const p = (row: number, column: number) => BigInt(image.data[(row * image.width + column) * image.channels + c]);
  const sum = (E - g) * ((D - f) * p(y0, x0) + f * p(y0, x1)) + g * ((D - f) * p(y1, x0) + f * p(y1, x1));
  return Number((sum + D * E / 2n) / (D * E));
}

Deno.test("resize: to its own size an image is unchanged, pixel for pixel", () => {
  fc.assert(fc.property(anyImage, (image) => {
    assert.deepEqual(resizeBilinear(image, image.height, image.width), image);
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        const at = (y * image.width + x) * image.channels;
        assert.equal(exactPixel(image, image.height, image.width, y, x, 0), image.data[at]);
      }
    }
  }));
});

Deno.test("resize: every pixel is the formula's, in exact integers", () => {
  const size = fc.integer({ min: 1, max: 13 });
  fc.assert(fc.property(anyImage, size, size, (image, height, width) => {
    const resized = resizeBilinear(image, height, width);
    assert.deepEqual([resized.height, resized.width, resized.channels], [height, width, image.channels]);
    resized.data.forEach((pixel, i) => {
      const c = i % image.channels;
      const x = Math.floor(i / image.channels) % width;
      const y = Math.floor(i / image.channels / width);
      assert.equal(pixel, exactPixel(image, height, width, y, x, c));
    });
  }));
});

Deno.test("resize: known cases", () => {
  assert.deepEqual([...resizeBilinear(grey(1, 2, 0, 100), 1, 4).data], [0, 25, 75, 100]);
  assert.deepEqual([...resizeBilinear(grey(1, 4, 0, 10, 20, 31), 1, 2).data], [5, 26]); // 25.5 rounds up
  assert.deepEqual([...resizeBilinear(grey(2, 2, 0, 2, 4, 6), 1, 1).data], [3]);
  assert.deepEqual([...resizeBilinear(grey(1, 1, 7), 2, 3).data], [7, 7, 7, 7, 7, 7]);
});

Deno.test("resize: a constant image stays constant at the largest extents", () => {
  const wide = resizeBilinear(grey(1, 3, 255, 255, 255), 1, 32768);
  assert.ok(wide.data.every((pixel) => pixel === 255));
  assert.throws(() => resizeBilinear(wide, 1, 32769), RangeError);
  assert.throws(() => resizeBilinear(wide, 0, 1), RangeError);
});
