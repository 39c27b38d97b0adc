import assert from "node:assert/strict";
import { fakeQuantize, fakeQuantizeCentred } from "../../../lib/arith/fake_quantization.ts";
import { codeVectors } from "../../../lib/arith/online_codes.ts";
import { activationQuantization, dequantize, quantize } from "../../../lib/arith/quantization.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

const random = seededRandom(8);
const VALUES = Float32Array.from({ length: 60 }, () => 2 * random.normal());
const QUANTIZATION = activationQuantization({ min: -3, max: 4 }, 8);

Deno.test("simulated integers are the reals of those that networks hold", () => {
  const found = VALUES.slice();
  fakeQuantize(found, QUANTIZATION);
  const expected = VALUES.map((value) => dequantize(quantize(value, QUANTIZATION), QUANTIZATION));
  assert.deepEqual(found, expected);
});

Deno.test("simulated codes are the reals of those that networks find, vector by vector", () => {
  for (const bits of [1, 2, 3, 4]) {
    const codes = { bits, length: 20 };
    const found = VALUES.slice();
    fakeQuantize(found, QUANTIZATION, codes);
    const integers = Int32Array.from(VALUES, (value) => quantize(value, QUANTIZATION));
    codeVectors(integers, { ...QUANTIZATION, ...codes });
    assert.deepEqual(found, Float32Array.from(integers, (q) => dequantize(q, QUANTIZATION)));
    assert.ok(new Set(found.subarray(0, 20)).size <= 2 ** bits);

    const shift = Float64Array.from({ length: 20 }, (_, channel) => channel / 8);
    const centred = VALUES.slice();
    fakeQuantizeCentred(centred, QUANTIZATION, shift, codes);
    assert.deepEqual(centred, found.map((value, i) => value - shift[i % 20]));
  }
});
