import assert from "node:assert/strict";
import { wasmKernelOf } from "../../../lib/runtime/backend.ts";
import { chooseWasmForm, timedLayer } from "../../../lib/runtime/wasm_form.ts";

/** A clock by which the first form, timed first in every round, takes `relaxed` milliseconds and the other `strict`. */
function clock(relaxed: number, strict: number): () => number {
  const steps = [0, relaxed, 0, strict];
  let [now, i] = [0, 0];
  return () => now += steps[i++ % steps.length];
}

Deno.test("the strict form of WebAssembly is taken only where it is clearly faster", () => {
  assert.deepEqual(chooseWasmForm(clock(4, 2)), { milliseconds: { wasm: 4, "wasm-strict": 2 }, form: "wasm-strict" });
  assert.equal(chooseWasmForm(clock(4, 3.9)).form, "wasm");
  assert.equal(chooseWasmForm(clock(2, 4)).form, "wasm");
});

Deno.test("the layer that is timed takes relaxed instructions in one form, and none in the other", () => {
  assert.match(wasmKernelOf("wasm", timedLayer())!.name, /__wasmrelaxed$/);
  assert.match(wasmKernelOf("wasm-strict", timedLayer())!.name, /__wasmsimd$/);
});
