import assert from "node:assert/strict";
import { bandsOf, shares } from "../../../lib/runtime/bands.ts";
import { POINT_WINDOW, type Window } from "../../../lib/tensor/window.ts";

Deno.test("shares are of about equal length, the first the longest, and none is empty", () => {
  assert.deepEqual(shares(7, 2), [[0, 4], [4, 7]]);
  assert.deepEqual(shares(10, 3), [[0, 4], [4, 7], [7, 10]]);
  assert.deepEqual(shares(2, 5), [[0, 1], [1, 2]]);
  assert.deepEqual(shares(100, 2, 64), [[0, 64], [64, 100]]);
  assert.deepEqual(shares(60, 2, 64), [[0, 60]]);
});

const ROWS: Window = {
  ...POINT_WINDOW,
  inputHeight: 7,
  inputWidth: 5,
  outputHeight: 4,
  outputWidth: 3,
  kernelHeight: 3,
  kernelWidth: 3,
  strideY: 2,
  strideX: 2,
  padTop: 1,
  padLeft: 1,
  padBottom: 1,
  padRight: 1,
};

Deno.test("a band reads the rows under its taps, and keeps the padding that they reach", () => {
  const [upper, lower] = bandsOf(ROWS, 2);
  assert.deepEqual(upper, {
    window: { ...ROWS, inputHeight: 4, outputHeight: 2, padBottom: 0 },
    firstInput: 0,
    firstOutput: 0,
  });
  assert.deepEqual(lower, {
    window: { ...ROWS, inputHeight: 4, outputHeight: 2, padTop: 0 },
    firstInput: 3 * 5,
    firstOutput: 2 * 3,
  });
});

Deno.test("bands of as many rows overlap", () => {
  const seven = { ...ROWS, inputHeight: 13, outputHeight: 7 };
  const bands = bandsOf(seven, 2, true);
  assert.deepEqual(bands.map(({ window }) => window.outputHeight), [4, 4]);
  assert.deepEqual(bands.map(({ firstOutput }) => firstOutput), [0, 3 * 3]);
  const five = bandsOf(seven, 5, true);
  assert.deepEqual(five.map(({ window, firstOutput }) => [firstOutput / 3, window.outputHeight]), [
    [0, 2],
    [1, 2],
    [3, 2],
    [4, 2],
    [5, 2],
  ]);
});

Deno.test("an image of one row is cut into columns", () => {
  const row = { ...POINT_WINDOW, inputWidth: 9, outputWidth: 7, kernelWidth: 3 };
  const [left, right] = bandsOf(row, 2);
  assert.deepEqual(left, { window: { ...row, inputWidth: 6, outputWidth: 4 }, firstInput: 0, firstOutput: 0 });
  assert.deepEqual(right, { window: { ...row, inputWidth: 5, outputWidth: 3 }, firstInput: 4, firstOutput: 4 });
});

Deno.test("no bands where one would read nothing but padding, or padding takes rows away", () => {
  assert.deepEqual(bandsOf({ ...ROWS, padTop: 6, outputHeight: 6 }, 6), []);
  assert.deepEqual(bandsOf({ ...ROWS, padTop: -1, outputHeight: 3 }, 2), []);
});
