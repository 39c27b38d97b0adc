import assert from "node:assert/strict";
import { BACKENDS } from "../../../lib/runtime/engine.ts";
import { backendStatuses, webAssemblySupport } from "../../../lib/runtime/machine_support.ts";

Deno.test("the runtime of the tests takes WebAssembly SIMD", () => {
  assert.equal(webAssemblySupport().simd, true);
});

Deno.test("every backend has a status, and the default is used where it is available", () => {
  const statuses = backendStatuses({ simd: true, relaxedSimd: false });
  assert.deepEqual(statuses.map(({ name }) => name), [...BACKENDS]);
  assert.deepEqual(statuses.filter(({ isUsed }) => isUsed).map(({ name }) => name), ["wasm"]);
  assert.ok(statuses.every(({ isAvailable, reason }) => isAvailable && reason !== ""));
});

Deno.test("without WebAssembly SIMD its backend is missing, with the one to take in its stead", () => {
  const [wasm, scalar] = backendStatuses({ simd: false, relaxedSimd: false });
  assert.deepEqual([wasm.isAvailable, wasm.isUsed, scalar.isAvailable], [false, false, true]);
  assert.match(wasm.reason, /--backend scalar/);
});
