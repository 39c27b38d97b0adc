import assert from "node:assert/strict";
import { encodeNpy } from "../../../lib/format/npy.ts";
import { readTokens } from "../../../lib/format/token_stream.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";

const text = (content: string) => ({ name: "ids.txt", bytes: new TextEncoder().encode(content) });

Deno.test("token ids are decimal numbers between any white space", () => {
  assert.deepEqual([...readTokens(text("3 358\n1\r\n\r\n 0\t16777215"))], [3, 358, 1, 0, 16777215]);
});

Deno.test("token ids of an array of integers", () => {
  const ids = tensor("i64", [2, 2], BigInt64Array.from([5n, 0n, 7n, 1n]));
  assert.deepEqual([...readTokens({ name: "ids.npy", bytes: encodeNpy(ids) })], [5, 0, 7, 1]);
});

Deno.test("what is no token id is named with its place", () => {
  for (const word of ["-1", "1.5", "the", "16777216", "1e3"]) {
    assert.throws(() => readTokens(text(`3 4\n5 ${word} 6`)), {
      kind: "input",
      message: `ids.txt: line 2: found "${word}", expected token ids, whole numbers below 16777216`,
    });
  }
  assert.throws(() => readTokens(text(" \n ")), { kind: "input", message: /^ids.txt: found no token ids/ });
  const floats = encodeNpy(tensor("f32", [2], Float32Array.of(1, 2)));
  assert.throws(() => readTokens({ name: "x.npy", bytes: floats }), { message: /^x.npy: found 2 elements of f32/ });
  const negative = encodeNpy(tensor("i32", [2], Int32Array.of(1, -2)));
  assert.throws(() => readTokens({ name: "x.npy", bytes: negative }), { message: /^x.npy: element 1 is -2/ });
});
