import assert from "node:assert/strict";
import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import { decodeWeights, encodeWeights, type LoadArray, type StoreArray } from "../../../lib/format/weights_record.ts";
import type { TypedArray } from "../../../lib/tensor/dtype.ts";
import { expectError } from "./expect_error.ts";

const ELEMENTS = Uint8Array.of(0, 1, 2, 3, 2, 1);
const CODES = {
  bits: 2,
  groupColumns: 2,
  planes: packPlanes(ELEMENTS, 2, 3, 2),
  multipliers: Int8Array.of(100, 27, 1, 2, -3, 4, 0, 0),
};
const WEIGHTS = codedWeights(CODES, 2, 3);

/** Arrays by name, and what keeps and finds them. */
function memory() {
  const arrays = new Map<string, TypedArray>();
  const store: StoreArray = (name, _dtype, data) => {
    arrays.set(name, data);
    return name;
  };
  const load = ((name: string) => arrays.get(name)!) as unknown as LoadArray; // of the dtype that was stored
  return { arrays, store, load };
}

Deno.test("codes read back with the weights that they say, packed weights without codes", () => {
  for (const codes of [CODES, undefined]) {
    const { store, load } = memory();
    const record = encodeWeights({ weights: WEIGHTS, codes }, [2, 3], undefined, store);
    assert.deepEqual({ codes: undefined, ...decodeWeights(record, [2, 3], "net", load) }, { weights: WEIGHTS, codes });
  }
});

Deno.test("codes of a file that are none are an input error", () => {
  const decoded = (change: (arrays: Map<string, TypedArray>) => unknown) => () => {
    const { arrays, store, load } = memory();
    const record = encodeWeights({ weights: WEIGHTS, codes: CODES }, [2, 3], undefined, store);
    change(arrays);
    return decodeWeights(record, [2, 3], "net: step s", load);
  };
  const behind = decoded((arrays) => arrays.set("codes", CODES.planes.with(3, 8)));
  expectError("input", behind, "net: step s: codes of row 1 have a bit behind their 3 columns");
  const tooLarge = decoded((arrays) => arrays.set("coefficients", CODES.multipliers.with(1, -28)));
  expectError("input", tooLarge, "net: step s: multipliers of row 0 add up to 128, expected at most 127");
});
