import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { gunzip, isGzip } from "../../../lib/format/gzip.ts";
import { expectError } from "./expect_error.ts";

const content = Uint8Array.from({ length: 5000 }, (_, i) => i * i);
const file = Uint8Array.from(gzipSync(content));

Deno.test("gzip: one member, and several in a row", () => {
  assert.ok(isGzip(file));
  assert.deepEqual(gunzip(file, "a.gz"), content);
  const twice = Uint8Array.from([...file, ...file]);
  assert.deepEqual(gunzip(twice, "a.gz"), Uint8Array.from([...content, ...content]));
});

Deno.test("gzip: damage is an input error", () => {
  expectError("input", () => gunzip(file.subarray(0, 100), "a.gz"), /^a\.gz: the compressed data are damaged/);
  const changed = file.slice();
  changed[file.length - 6] ^= 1;
  expectError("input", () => gunzip(changed, "a.gz"), "damaged");
});

Deno.test("gzip: content beyond the limit is refused, up to it is not", () => {
  assert.equal(gunzip(file, "a.gz", content.length).length, content.length);
  expectError("input", () => gunzip(file, "a.gz", content.length - 1), "more than 4999 bytes", "unpack it first");
  const bomb = Uint8Array.from(gzipSync(new Uint8Array(1 << 22)));
  assert.ok(bomb.length < 5000);
  expectError("input", () => gunzip(bomb, "bomb.gz", 1 << 16), "bomb.gz");
});
