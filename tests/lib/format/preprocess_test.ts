import assert from "node:assert/strict";
import fc from "fast-check";
import { makePreprocess, normalisePixels, pixelsOfInput, Preprocess } from "../../../lib/format/preprocess.ts";
import { expectError } from "./expect_error.ts";

Deno.test("preprocess: the defaults are pixels from 0 to 1, and single numbers go to every channel", () => {
  assert.deepEqual(makePreprocess(1), { layout: "NCHW", channels: 1, mean: [0], std: [1], scale: 255 });
  const three = makePreprocess(3, { mean: [0.5], std: [1, 2, 3], scale: 1, resize: [4, 5], layout: "NHWC" });
  assert.deepEqual(three, {
    layout: "NHWC",
    channels: 3,
    mean: [0.5, 0.5, 0.5],
    std: [1, 2, 3],
    scale: 1,
    resize: [4, 5],
  });
  assert.deepEqual(Preprocess.parse(JSON.parse(JSON.stringify(three))), three);
});

Deno.test("preprocess: options that no image can have are usage errors", () => {
  expectError("usage", () => makePreprocess(3, { mean: [1, 2] }), "found 2 numbers for the mean, expected 1 or 3");
  expectError("usage", () => makePreprocess(1, { std: [0] }), "standard deviation 0");
  expectError("usage", () => makePreprocess(1, { std: [1e-60] }), "standard deviation");
  expectError("usage", () => makePreprocess(1, { mean: [NaN] }), "mean NaN");
  expectError("usage", () => makePreprocess(1, { scale: -1 }), "scale -1");
  expectError("usage", () => makePreprocess(1, { resize: [0, 4] }), "0x4");
  expectError("usage", () => makePreprocess(1, { resize: [4, 1e6] }), "1..32768");
});

Deno.test("preprocess: the record refuses lists that do not fit the channels", () => {
  const record = { ...makePreprocess(3), mean: [0] };
  const result = Preprocess.safeParse(record);
  assert.ok(!result.success);
  assert.deepEqual(result.error.issues[0].path, ["mean"]);
});

Deno.test("preprocess: pixels become (pixel / scale - mean) / std per channel, and come back", () => {
  const channelStatistics = fc.tuple(
    fc.double({ min: -2, max: 2, noNaN: true }),
    fc.double({ min: 0.05, max: 4, noNaN: true }),
  );
  const anyCase = fc.record({
    statistics: fc.array(channelStatistics, { minLength: 1, maxLength: 3 }),
    scale: fc.constantFrom(1, 255, 256),
    seed: fc.nat(255),
  });
  fc.assert(fc.property(anyCase, ({ statistics, scale, seed }) => {
    const channels = statistics.length;
    const mean = statistics.map(([m]) => m * 255 / scale);
    const std = statistics.map(([, s]) => s * 255 / scale);
    const preprocess = makePreprocess(channels, { mean, std, scale });
    const pixels = Uint8Array.from({ length: 6 * channels }, (_, i) => seed + i * 41);
    const input = normalisePixels(pixels, preprocess);
    input.forEach((value, i) => {
      const c = Math.floor(i / 6);
      const expected = (pixels[i] / scale - mean[c]) / std[c];
      assert.ok(Math.abs(value - expected) <= 1e-5 * (1 + Math.abs(expected) + Math.abs(mean[c] / std[c])));
    });
    assert.deepEqual(pixelsOfInput(input, preprocess, "x"), pixels);
  }));
});

Deno.test("preprocess: floats that are no normalised pixels are an input error that says so", () => {
  const preprocess = makePreprocess(1, { mean: [0.25], std: [0.5] });
  const input = normalisePixels(Uint8Array.of(0, 7, 255), preprocess);
  expectError(
    "input",
    () => pixelsOfInput(input, makePreprocess(1), "d.npy: sample 3"),
    /^d\.npy: sample 3: the float data are not pixels normalised with mean 0, std 1 and scale 255: element 0 is -0\.5/,
  );
  input[1] += 0.001;
  expectError("input", () => pixelsOfInput(input, preprocess, "x"), "element 1 is");
  input[1] = NaN;
  expectError("input", () => pixelsOfInput(input, preprocess, "x"), "element 1 is NaN");
  expectError(
    "input",
    () => pixelsOfInput(Float32Array.of(257 / 255), makePreprocess(1), "x"),
    "expected a whole number in 0..255",
  );
});
