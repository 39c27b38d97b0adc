import assert from "node:assert/strict";
import fc from "fast-check";
import { packedLength, packSigned, unpackSigned } from "../../../lib/arith/packing.ts";

const BITS = fc.integer({ min: 2, max: 8 });

Deno.test("packing and unpacking give the values back at every width", () => {
  fc.assert(
    fc.property(
      BITS.chain((bits) =>
        fc.tuple(fc.constant(bits), fc.array(fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })))
      ),
      ([bits, list]) => {
        const values = Int8Array.from(list);
        const packed = packSigned(values, bits);
        assert.equal(packed.length, packedLength(values.length, bits));
        assert.deepEqual(unpackSigned(packed, bits, values.length), values);
      },
    ),
  );
});

Deno.test("the byte order is the documented one", () => {
  assert.deepEqual([...packSigned(Int8Array.of(1, -1, 2), 4)], [0xf1, 0x02]);
  assert.deepEqual([...packSigned(Int8Array.of(-1, 0, 3, -4), 3)], [0b11_000_111, 0b100_0]);
  assert.deepEqual([...packSigned(Int8Array.of(-128, 127), 8)], [0x80, 0x7f]);
});

Deno.test("what does not fit is refused", () => {
  assert.throws(() => packSigned(Int8Array.of(8), 4), RangeError);
  assert.throws(() => packSigned(Int8Array.of(0), 9), RangeError);
  assert.throws(() => unpackSigned(new Uint8Array(2), 4, 5), RangeError);
});
