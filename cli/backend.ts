import type { FloatBackend } from "../lib/float/float_backend.ts";
import type { Backend } from "../lib/runtime/engine.ts";
import { BACKEND_CHOICES, type BackendChoice, chooseBackend } from "../lib/runtime/native_status.ts";
import { chooseWasmForm, type WasmFormChoice } from "../lib/runtime/wasm_form.ts";
import { defaultFlag, oneOf } from "./flag.ts";
import type { Terminal } from "./terminal.ts";

/** `--backend`, what computes integer networks; `what` says for which purpose. */
export function backendFlag(what: string, choice: BackendChoice) {
  return defaultFlag("--backend <name>", what, oneOf(BACKEND_CHOICES), choice);
}

/** The backend that was asked for. Warns where native code is switched off because it is wrong here. */
export function resolveBackend(choice: BackendChoice, terminal: Pick<Terminal, "warn">): Backend {
  const { backend, warning } = chooseBackend(choice, () => wasmForm().form);
  if (warning !== undefined) terminal.warn(warning);
  return backend;
}

let form: WasmFormChoice | undefined;

/** The form of WebAssembly that is faster here, timed once. */
export function wasmForm(): WasmFormChoice {
  return form ??= chooseWasmForm(() => performance.now());
}

/** `--backend` of what runs the float network. */
export const FLOAT_BACKEND_FLAG = {
  backend: defaultFlag(
    "--backend <name>",
    "what computes the float network: native code where it is allowed and the processor has it; the result is the same",
    oneOf(["auto", "wasm"]),
    "auto",
  ),
};

/** The float backend that was asked for. Warns as `resolveBackend`. */
export function resolveFloatBackend(choice: "auto" | "wasm", terminal: Pick<Terminal, "warn">): FloatBackend {
  const { backend, warning } = chooseBackend(choice, () => "wasm"); // float kernels have one form
  if (warning !== undefined) terminal.warn(warning);
  return backend === "native" ? "native" : "wasm";
}
