import assert from "node:assert/strict";
import fc from "fast-check";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { transpose } from "../../../lib/tensor/transpose.ts";

Deno.test("rows become columns, whatever the dtype, the sizes and the place in memory", () => {
  const extent = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(255, 256, 260, 515));
  const dtype = fc.constantFrom("u8" as const, "i8" as const, "u16" as const, "i32" as const, "f32" as const);
  fc.assert(
    fc.property(
      dtype,
      fc.integer({ min: 1, max: 3 }),
      extent,
      extent,
      fc.nat(5),
      (name, matrices, rows, columns, first) => {
        const size = rows * columns;
        const source = allocate(name, first + matrices * size).subarray(first);
        for (let i = 0; i < source.length; i++) source[i] = (i * 2654435761) >>> 7 & (name === "i8" ? 127 : 255);
        const expected = allocate(name, source.length);
        for (let i = 0; i < source.length; i++) {
          const [matrix, row, column] = [Math.floor(i / size), Math.floor(i / columns) % rows, i % columns];
          expected[matrix * size + column * rows + row] = source[i];
        }
        const around = allocate(name, first + source.length + 4);
        transpose(source, around.subarray(first, first + source.length), matrices, rows, columns);
        assert.deepEqual(around.subarray(first, first + source.length), expected);
        assert([...around.subarray(0, first), ...around.subarray(first + source.length)].every((value) => value === 0));
      },
    ),
    { numRuns: 80 },
  );
});

Deno.test("three rows of bytes keep all of their bits", () => {
  const source = Uint8Array.from({ length: 3 * 256 }, (_, i) => i * 151 >> (i >> 8));
  const target = new Uint8Array(source.length);
  transpose(source, target, 1, 3, 256);
  assert.deepEqual(target, source.map((_, i) => source[(i % 3) * 256 + Math.floor(i / 3)]));
  const floats = Float32Array.of(-0, NaN, 1, Infinity, 1e-45, -2);
  const turned = new Float32Array(6);
  transpose(floats, turned, 1, 2, 3);
  assert(Object.is(turned[0], -0));
  assert.deepEqual(turned, Float32Array.of(-0, Infinity, NaN, 1e-45, 1, -2));
});
