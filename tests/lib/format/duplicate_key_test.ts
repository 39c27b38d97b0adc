import assert from "node:assert/strict";
import fc from "fast-check";
import { duplicateKey } from "../../../lib/format/duplicate_key.ts";

Deno.test("duplicate key: found at any depth, in any spelling", () => {
  assert.equal(duplicateKey('{"a":1,"b":2,"a":3}'), "a");
  assert.equal(duplicateKey('[{"a":{"x":1,"\\u0078":2}}]'), "x");
  assert.equal(duplicateKey('{"a":[1,{"b":1}],"c":{},"a":[]}'), "a");
});

Deno.test("duplicate key: none in what JSON.stringify writes", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
    assert.equal(duplicateKey(JSON.stringify(value, null, indent)), undefined);
  }));
  assert.equal(duplicateKey('{"a":"{\\"a\\":1,\\"a\\":2}","b":["a","a",{"a":1},{"a":1}]}'), undefined);
});
