import { thisProcessor } from "../../kernels/x64/cpu_features.ts";
import { NATIVE_FEATURES, nativeKernelsFor } from "../../kernels/x64/mod.ts";
import { mayUseNative } from "../../kernels/x64/native_memory.ts";
import { faultyKernels } from "../../kernels/x64/self_test.ts";
import { usageError } from "../format/error.ts";
import { type Backend, BACKENDS } from "./backend.ts";
import type { WasmForm } from "./wasm_form.ts";

/** Whether the native backend can be used here, and if not, why; `isFault` when it runs but computes something else. */
export type NativeStatus =
  | { readonly isAvailable: true }
  | { readonly isAvailable: false; readonly reason: string; readonly isFault: boolean };

let known: NativeStatus | undefined;

/** Found out once: permission, system, processor, and every kernel compared with the reference. */
export function nativeStatus(): NativeStatus {
  return known ??= findStatus();
}

function findStatus(): NativeStatus {
  const missing = (reason: string, isFault = false): NativeStatus => ({ isAvailable: false, reason, isFault });
  if (!mayUseNative()) return missing("native code needs --allow-ffi");
  try {
    const { brand, features } = thisProcessor();
    const lacking = NATIVE_FEATURES.filter((feature) => !features.includes(feature));
    if (lacking.length > 0) return missing(`native code needs ${lacking.join(", ")}, which ${brand} does not have`);
    const faulty = faultyKernels(nativeKernelsFor(features));
    if (faulty.length === 0) return { isAvailable: true };
    return missing(`native code is switched off: ${faulty.join(", ")} differ from the reference`, true);
  } catch (error) {
    // Whatever Deno, the C library or the system refuse: there is no native code then, and that is an answer.
    return missing(`native code does not run: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws DyadError (usage) where native code cannot be used. */
export function requireNative(): void {
  const status = nativeStatus();
  if (!status.isAvailable) throw usageError(`--backend native: ${status.reason}; take --backend auto or wasm`);
}

/** What a user may ask for: `auto` is native where that is available, otherwise the faster form of WebAssembly. */
export const BACKEND_CHOICES = ["auto", ...BACKENDS] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

/**
 * The backend for a choice, and a warning where native code is switched off because it is wrong here. `fasterForm` times
 * WebAssembly where it is needed.
 */
export function chooseBackend(
  choice: BackendChoice,
  fasterForm: () => WasmForm,
  status: () => NativeStatus = nativeStatus,
): { readonly backend: Backend; readonly warning?: string } {
  if (choice !== "auto") return { backend: choice };
  const native = status();
  if (native.isAvailable) return { backend: "native" };
  const backend = fasterForm();
  return native.isFault ? { backend, warning: native.reason } : { backend };
}
