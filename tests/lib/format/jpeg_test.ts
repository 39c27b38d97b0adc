import assert from "node:assert/strict";
import fc from "fast-check";
import jpeg from "jpeg-js";
import { decodeImage } from "../../../lib/format/image.ts";
import { decodeJpeg } from "../../../lib/format/jpeg.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";

/** A smooth colour image: red grows to the right, green downwards. */
function gradient(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set([Math.round(255 * x / (width - 1)), Math.round(255 * y / (height - 1)), 100, 255], 4 * (y * width + x));
    }
  }
  return data;
}

const rgba = gradient(24, 17);
const file = Uint8Array.from(jpeg.encode({ width: 24, height: 17, data: rgba }, 95).data);

Deno.test("jpeg: a colour image comes back within the codec's error", () => {
  const image = decodeImage(file, "x.jpg");
  assert.deepEqual([image.width, image.height, image.channels, image.data.length], [24, 17, 3, 24 * 17 * 3]);
  for (let i = 0; i < 24 * 17; i++) {
    for (let c = 0; c < 3; c++) assert.ok(Math.abs(image.data[3 * i + c] - rgba[4 * i + c]) <= 12, `pixel ${i}`);
  }
});

Deno.test("jpeg: a file cut short and other content are input errors", () => {
  expectError("input", () => decodeJpeg(file.subarray(0, 60), "x.jpg"), /^x\.jpg: not a JPEG file that can be read/);
  expectError("input", () => decodeImage(new TextEncoder().encode("GIF89a"), "x.gif"), "x.gif: is neither");
});

Deno.test("jpeg: a size that the file cannot hold is refused before memory is taken", () => {
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const claimed = file.slice();
  claimed.set([0x20, 0x00, 0x20, 0x00], frame + 5); // height and width of 8192
  expectError(
    "input",
    () => decodeJpeg(claimed, "x.jpg"),
    `x.jpg: not a JPEG file that can be read: it claims more pixels`,
  );
});

Deno.test("jpeg: a damaged file is read or refused, never anything else", () => {
  fc.assert(fc.property(mutations(file), (bytes) => returnsOrInputError(() => decodeJpeg(bytes, "x"))), {
    numRuns: 300,
  });
});
