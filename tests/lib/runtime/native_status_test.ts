import assert from "node:assert/strict";
import { BACKENDS } from "../../../lib/runtime/engine.ts";
import { chooseBackend, type NativeStatus, nativeStatus } from "../../../lib/runtime/native_status.ts";

function missing(isFault: boolean): NativeStatus {
  return { isAvailable: false, reason: "the reason", isFault };
}

Deno.test("auto is native where that is available, otherwise wasm, with a warning for kernels that are wrong", () => {
  assert.deepEqual(chooseBackend("auto", assert.fail, () => ({ isAvailable: true })), { backend: "native" });
  assert.deepEqual(chooseBackend("auto", () => "wasm-strict", () => missing(false)), { backend: "wasm-strict" });
  assert.deepEqual(chooseBackend("auto", () => "wasm", () => missing(true)), {
    backend: "wasm",
    warning: "the reason",
  });
});

Deno.test("a backend that was asked for by name is taken, and nothing is tried", () => {
  const untried = () => assert.fail("native code was tried");
  for (const backend of BACKENDS) assert.deepEqual(chooseBackend(backend, untried, untried), { backend });
});

Deno.test("native code is tried once, and is missing only for a reason", () => {
  const status = nativeStatus();
  assert.equal(nativeStatus(), status);
  if (!status.isAvailable) assert.notEqual(status.reason, "");
});
