import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeNpy } from "../../../lib/format/npy.ts";
import { decodeNpz } from "../../../lib/format/npz.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";
import { expectError, returnsOrInputError } from "./expect_error.ts";
import { mutations } from "./mutations.ts";
import { zipBytes } from "./zip_bytes.ts";

const x = tensor("f32", [2, 50], Float32Array.from({ length: 100 }, (_, i) => i / 4));
const y = tensor("u8", [3], Uint8Array.of(7, 8, 9));
const xFile = { name: "x.npy", content: encodeNpy(x), isDeflated: true };
const yFile = { name: "y.npy", content: encodeNpy(y) };

Deno.test("npz: the first array, and the one named", () => {
  const file = zipBytes([{ name: "notes.txt", content: Uint8Array.of(1) }, xFile, yFile], "a comment");
  assert.deepEqual(decodeNpz(file, "d.npz"), { key: "x", tensor: x });
  assert.deepEqual(decodeNpz(file, "d.npz", "x"), { key: "x", tensor: x });
  assert.deepEqual(decodeNpz(file, "d.npz", "y"), { key: "y", tensor: y });
});

Deno.test("npz: what cannot be read is an input error that names the archive and the array", () => {
  const read = (file: Uint8Array, key?: string, limit?: number) => () => decodeNpz(file, "d.npz", key, limit);
  expectError("input", read(zipBytes([xFile, yFile]), "z"), 'd.npz: found no array "z", expected one of x, y');
  expectError("input", read(zipBytes([])), "without .npy arrays");
  expectError("input", read(zipBytes([xFile]).subarray(0, 80)), "no end of the zip directory");
  expectError("input", read(zipBytes([{ ...xFile, crc: 1 }])), /^d\.npz: x\.npy: .*checksum/);
  expectError("input", read(zipBytes([{ ...xFile, statedBytes: 9 }])), "x.npy: unpacks to more than the 9 bytes");
  expectError("input", read(zipBytes([{ ...xFile, statedBytes: 9999 }])), "length or checksum");
  expectError("input", read(zipBytes([{ ...xFile, method: 14 }])), "compression method 14");
  expectError("input", read(zipBytes([{ ...xFile, flags: 1 }])), "is encrypted");
  expectError("input", read(zipBytes([{ ...xFile, statedBytes: 0xffffffff }])), "zip64");
  expectError("input", read(zipBytes([xFile]), "x", 100), `unpacks to ${xFile.content.length} bytes, more than 100`);
  expectError("input", read(zipBytes([{ name: "x.npy", content: Uint8Array.of(1) }])), "d.npz:x: not a .npy file");
});

Deno.test("npz: a damaged archive is read or refused, never anything else", () => {
  const file = zipBytes([xFile, yFile]);
  fc.assert(
    fc.property(mutations(file), (bytes) => {
      returnsOrInputError(() => decodeNpz(bytes, "d.npz"));
      returnsOrInputError(() => decodeNpz(bytes, "d.npz", "y"));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("npz: no change of an array's bytes goes unnoticed", () => {
  const file = zipBytes([yFile]);
  const start = file.length - zipBytes([{ ...yFile, content: new Uint8Array(0) }]).length;
  for (let i = 0; i < start; i += 7) {
    const damaged = file.slice();
    damaged[30 + 5 + 8 + i] ^= 0x10;
    expectError("input", () => decodeNpz(damaged, "d.npz"), "checksum");
  }
});
