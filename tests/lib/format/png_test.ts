import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "fast-png";
import { decodePng } from "../../../lib/format/png.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";
import { plainPng, pngBytes, type PngSource } from "./png_bytes.ts";

function pixelsOf(source: PngSource): number[] {
  return [...decodePng(pngBytes(source), "x.png").data];
}

Deno.test("png: grey of 1, 2, 4, 8 and 16 bits", () => {
  const grey = { height: 2, width: 3, colourType: 0 };
  assert.deepEqual(pixelsOf({ ...grey, depth: 1, rows: Uint8Array.of(0, 0b10100000, 0, 0b01000000) }), [
    ...[255, 0, 255],
    ...[0, 255, 0],
  ]);
  assert.deepEqual(pixelsOf({ ...grey, depth: 2, rows: Uint8Array.of(0, 0b00011000, 0, 0b11000100) }), [
    ...[0, 85, 170],
    ...[255, 0, 85],
  ]);
  assert.deepEqual(pixelsOf({ ...grey, depth: 4, rows: Uint8Array.of(0, 0x0f, 0x70, 0, 0x12, 0x30) }), [
    ...[0, 255, 119],
    ...[17, 34, 51],
  ]);
  assert.deepEqual(pixelsOf({ ...grey, depth: 8, rows: Uint8Array.of(0, 1, 2, 3, 0, 4, 5, 255) }), [
    1,
    2,
    3,
    4,
    5,
    255,
  ]);
  const deep = Uint8Array.of(0, 0, 0, 0, 128, 0, 129, 0, 0xff, 0xff, 0x80, 0x00, 0x7f, 0x7f);
  assert.deepEqual(pixelsOf({ ...grey, depth: 16, rows: deep }), [0, 0, 1, 255, 128, 127]);
});

Deno.test("png: 16 bits are rounded to the nearest of 256 steps", () => {
  const rows = new Uint8Array(1 + 2 * 65536);
  for (let v = 0; v < 65536; v++) rows.set([v >> 8, v & 255], 1 + 2 * v);
  const pixels = pixelsOf({ height: 1, width: 65536, depth: 16, colourType: 0, rows });
  assert.ok(pixels.every((pixel, v) => pixel === Math.round(v * 255 / 65535)));
});

Deno.test("png: colour, palettes, and transparency dropped", () => {
  const colour = pngBytes({ height: 1, width: 2, depth: 8, colourType: 2, rows: Uint8Array.of(0, 1, 2, 3, 4, 5, 6) });
  assert.deepEqual(decodePng(colour, "x").channels, 3);
  assert.deepEqual([...decodePng(colour, "x").data], [1, 2, 3, 4, 5, 6]);
  const palette = [10, 11, 12, 20, 21, 22, 30, 31, 32];
  const indexed = {
    height: 2,
    width: 3,
    depth: 2,
    colourType: 3,
    rows: Uint8Array.of(0, 0b00011000, 0, 0b10000100),
    palette,
  };
  const expanded = [0, 1, 2, 2, 0, 1].flatMap((index) => palette.slice(3 * index, 3 * index + 3));
  assert.deepEqual(pixelsOf(indexed), expanded);
  const transparent = decodePng(pngBytes({ ...indexed, transparency: [0, 128] }), "x");
  assert.deepEqual([transparent.channels, transparent.hadAlpha, [...transparent.data]], [3, true, expanded]);
  const greyAlpha = pngBytes({ height: 1, width: 2, depth: 8, colourType: 4, rows: Uint8Array.of(0, 7, 0, 9, 255) });
  assert.deepEqual(decodePng(greyAlpha, "x"), {
    height: 1,
    width: 2,
    channels: 1,
    data: Uint8Array.of(7, 9),
    hadAlpha: true,
  });
  const rgba = pngBytes({ height: 1, width: 1, depth: 8, colourType: 6, rows: Uint8Array.of(0, 7, 8, 9, 0) });
  assert.deepEqual(decodePng(rgba, "x"), {
    height: 1,
    width: 1,
    channels: 3,
    data: Uint8Array.of(7, 8, 9),
    hadAlpha: true,
  });
});

Deno.test("png: a suggested palette in a colour image changes nothing", () => {
  const rows = Uint8Array.of(0, 1, 2, 3);
  assert.deepEqual(pixelsOf({ height: 1, width: 1, depth: 8, colourType: 2, rows, palette: [9, 9, 9] }), [1, 2, 3]);
});

Deno.test("png: interlaced images are read, but not below 8 bits", () => {
  const data = Uint8Array.from({ length: 9 * 10 * 3 }, (_, i) => i * 7);
  const file = encode({ width: 9, height: 10, channels: 3, depth: 8, data }, { interlace: "Adam7" });
  assert.equal(file[28], 1);
  assert.deepEqual([...decodePng(file, "x").data], [...data]);
  const bits = pngBytes({ height: 1, width: 1, depth: 1, colourType: 0, interlace: 1, rows: Uint8Array.of(0, 128) });
  expectError("input", () => decodePng(bits, "x.png"), "x.png: is interlaced with 1 bits", "without interlacing");
});

Deno.test("png: any 8-bit image is read back from the writer's filters", () => {
  const image = fc.record({
    width: fc.integer({ min: 1, max: 12 }),
    height: fc.integer({ min: 1, max: 12 }),
    channels: fc.constantFrom(1, 3),
    seed: fc.nat(255),
  });
  fc.assert(fc.property(image, ({ width, height, channels, seed }) => {
    const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * i + seed * i) >> 2);
    const found = decodePng(encode({ width, height, channels, depth: 8, data }), "x");
    assert.deepEqual([found.width, found.height, found.channels], [width, height, channels]);
    assert.deepEqual([...found.data], [...data]);
  }));
});

Deno.test("png: what cannot be read is an input error that names the file", () => {
  const good = plainPng(2, 2, 1, Uint8Array.of(1, 2, 3, 4));
  const read = (bytes: Uint8Array) => () => decodePng(bytes, "x.png");
  const damaged = (at: number, value: number) => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  const source = { height: 2, width: 2, depth: 8, colourType: 0 };
  expectError("input", read(good.subarray(0, 40)), /^x\.png: .*ends at byte 40 without/);
  expectError("input", read(good.subarray(0, good.length - 12)), "without its IEND chunk");
  expectError("input", read(damaged(24, 3)), "colour type 0 with 3 bits");
  expectError("input", read(damaged(16, 255)), "expected at most 100000000");
  expectError("input", read(damaged(19, 0)), "2x0 pixels");
  expectError("input", read(damaged(30, 0)), "CRC");
  expectError(
    "input",
    read(pngBytes({ ...source, rows: Uint8Array.of(0, 1, 2, 0, 3) })),
    "unpack to 5 bytes, expected the 6",
  );
  expectError("input", read(pngBytes({ ...source, rows: new Uint8Array(1 << 20) })), "more than the 6 bytes");
  expectError(
    "input",
    read(pngBytes({ ...source, rows: Uint8Array.of(9, 1, 2, 0, 3, 4) })),
    "not a PNG file that can be read",
  );
  expectError(
    "input",
    read(pngBytes({ ...source, colourType: 3, rows: Uint8Array.of(0, 1, 2, 0, 3, 4) })),
    "no palette",
  );
});

Deno.test("png: what unpacks without being pixels is left alone", () => {
  const profile = new TextEncoder().encode("name\0\0 not compressed at all");
  const rows = Uint8Array.of(0, 5);
  const file = pngBytes({ height: 1, width: 1, depth: 8, colourType: 0, rows, extra: [["iCCP", profile]] });
  assert.deepEqual([...decodePng(file, "x").data], [5]);
});

Deno.test("png: a damaged file is read or refused, never anything else", () => {
  const palette = [10, 11, 12, 20, 21, 22];
  const files = [
    plainPng(3, 2, 3, new Uint8Array(18)),
    pngBytes({
      height: 2,
      width: 3,
      depth: 2,
      colourType: 3,
      rows: Uint8Array.of(0, 4, 0, 1),
      palette,
      transparency: [1],
    }),
  ];
  for (const file of files) {
    fc.assert(fc.property(mutations(file), (bytes) => returnsOrInputError(() => decodePng(bytes, "x"))), {
      numRuns: 1000,
    });
  }
});
