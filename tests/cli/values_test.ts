import assert from "node:assert/strict";
import {
  BITS,
  HEIGHT_BY_WIDTH,
  listOf,
  NAMED_SHAPE,
  NUMBER,
  NUMBERS,
  oneOf,
  POSITIVE_INTEGER,
  SEED,
  type ValueType,
} from "../../cli/flag.ts";
import { isClassifier, topClasses } from "../../cli/predictions.ts";
import { summarizeTimes } from "../../cli/timing.ts";
import { DyadError } from "../../lib/format/error.ts";
import { readFrames } from "../../cli/frames.ts";

const READ: readonly [ValueType<unknown>, string, unknown][] = [
  [POSITIVE_INTEGER, "12", 12],
  [SEED, "0", 0],
  [NUMBER, "-1.5e-3", -0.0015],
  [NUMBERS, "0.485,0.456, 0.406", [0.485, 0.456, 0.406]],
  [HEIGHT_BY_WIDTH, "28x32", [28, 32]],
  [NAMED_SHAPE, "in=put=1x3x8x8", ["in=put", [1, 3, 8, 8]]],
  [NAMED_SHAPE, "input=1,3,8,8", ["input", [1, 3, 8, 8]]],
  [BITS, "4/8", { weightBits: 4, activationBits: 8 }],
  [BITS, "4", { weightBits: 4, activationBits: 4 }],
  [listOf(BITS), "8, 4/8", [{ weightBits: 8, activationBits: 8 }, { weightBits: 4, activationBits: 8 }]],
  [oneOf(["a", "b"]), "b", "b"],
];

const REFUSED: ReadonlyMap<ValueType<unknown>, readonly string[]> = new Map<ValueType<unknown>, readonly string[]>([
  [POSITIVE_INTEGER, ["", "0", "-1", "1.5", "1e400", "x", "9007199254740993"]],
  [SEED, ["-1", "4294967296"]],
  [NUMBER, ["", "x", "Infinity", "NaN"]],
  [NUMBERS, ["", "1,", "1;2"]],
  [HEIGHT_BY_WIDTH, ["28", "28x", "x28", "28x28x3"]],
  [NAMED_SHAPE, ["1x2", "a=", "=1x2", "a=1x"]],
  [BITS, ["", "0/8", "17", "4/8/8", "four"]],
  [oneOf(["a", "b"]), ["c"]],
]);

Deno.test("values on the command line", () => {
  for (const [value, text, expected] of READ) assert.deepEqual(value.parse(text), expected, text);
  for (
    const [value, text] of Array.from(REFUSED, ([value, texts]) => texts.map((text) => [value, text] as const)).flat()
  ) {
    assert.throws(
      () => value.parse(text),
      (error) => error instanceof DyadError && error.kind === "usage" && error.message.startsWith("found "),
      text,
    );
  }
});

Deno.test("the highest classes, of equal scores the first", () => {
  assert.deepEqual(topClasses([1, 3, 3, 2], 3, ["a", "b", "c", "d"]), [
    { class: 1, name: "b", score: 3 },
    { class: 2, name: "c", score: 3 },
    { class: 3, name: "d", score: 2 },
  ]);
  assert.deepEqual([[10], [1, 10, 1], [], [10, 10]].map(isClassifier), [true, true, true, false]);
});

Deno.test("median and spread of times", () => {
  assert.deepEqual(summarizeTimes([3]), { images: 1, medianMs: 3, p10Ms: 3, p90Ms: 3 });
  assert.deepEqual(summarizeTimes([10, 0, 5, 2.5, 7.5, 100, 20, 1, 9, 8, 11]), {
    images: 11,
    medianMs: 8,
    p10Ms: 1,
    p90Ms: 20,
  });
});

Deno.test("frames come out whole, however the stream is cut", async () => {
  const stream = ReadableStream.from(
    [[1], [2, 3, 4, 5, 6, 7, 8, 9], [], [10, 11, 12]].map((part) => Uint8Array.from(part)),
  );
  const frames: number[][] = [];
  for await (const frame of readFrames(stream, 4)) frames.push([...frame]);
  assert.deepEqual(frames, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]);
});
