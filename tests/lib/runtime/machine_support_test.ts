import assert from "node:assert/strict";
import { BACKENDS } from "../../../lib/runtime/engine.ts";
import { backendStatuses, webAssemblySupport } from "../../../lib/runtime/machine_support.ts";

Deno.test("the runtime of the tests takes WebAssembly SIMD", () => {
  assert.equal(webAssemblySupport().simd, true);
});

const MISSING = { isAvailable: false, reason: "native code needs --allow-ffi", isFault: false } as const;

Deno.test("every backend has a status, and the fastest that is available is used", () => {
  const support = { simd: true, relaxedSimd: false };
  const cases = [[{ isAvailable: true }, "native"], [MISSING, "wasm"], [MISSING, "wasm-strict"]] as const;
  for (const [native, used] of cases) {
    const statuses = backendStatuses(support, () => used === "native" ? assert.fail() : used, native);
    assert.deepEqual(statuses.map(({ name }) => name), [...BACKENDS]);
    assert.deepEqual(statuses.filter(({ isUsed }) => isUsed).map(({ name }) => name), [used]);
    assert.deepEqual(statuses.map(({ isAvailable }) => isAvailable), [native.isAvailable, true, true, true]);
    assert.ok(statuses.every(({ reason }) => reason !== ""));
  }
});

Deno.test("native code by tiles is told from native code without", () => {
  const why = (features: Parameters<typeof backendStatuses>[3]) =>
    backendStatuses({ simd: true, relaxedSimd: false }, assert.fail, { isAvailable: true }, features)[0].reason;
  assert.match(why(["amx_tile", "amx_int8"]), /tiles/);
  assert.doesNotMatch(why([]), /tiles/);
});

Deno.test("without WebAssembly SIMD its backend is missing, with the one to take in its stead", () => {
  const [native, wasm, , scalar] = backendStatuses({ simd: false, relaxedSimd: false }, assert.fail, MISSING);
  assert.deepEqual([native.reason, wasm.isAvailable, wasm.isUsed, scalar.isAvailable], [
    MISSING.reason,
    false,
    false,
    true,
  ]);
  assert.match(wasm.reason, /--backend scalar/);
});
