import { thisProcessor } from "../../kernels/x64/cpu_features.ts";
import { NATIVE_FEATURES, NATIVE_KERNELS } from "../../kernels/x64/mod.ts";
import { mayUseNative } from "../../kernels/x64/native_memory.ts";
import { faultyKernels } from "../../kernels/x64/self_test.ts";
import { usageError } from "../format/error.ts";
import { type Backend, BACKENDS } from "./backend.ts";

/** Whether native code can run here, and if not, why; `fault` when it could but computes something else. */
export type NativeSupport =
  | { readonly usable: true }
  | { readonly usable: false; readonly reason: string; readonly fault: boolean };

let known: NativeSupport | undefined;

/** Found out once: permission, system, processor, and every kernel compared with the reference. */
export function nativeSupport(): NativeSupport {
  return known ??= findSupport();
}

function findSupport(): NativeSupport {
  const no = (reason: string, fault = false): NativeSupport => ({ usable: false, reason, fault });
  if (!mayUseNative()) return no("native code needs --allow-ffi");
  try {
    const { brand, features } = thisProcessor();
    const missing = NATIVE_FEATURES.filter((feature) => !features.includes(feature));
    if (missing.length > 0) return no(`native code needs ${missing.join(", ")}, which ${brand} does not have`);
    const faulty = faultyKernels(NATIVE_KERNELS);
    if (faulty.length === 0) return { usable: true };
    return no(`native code is off: ${faulty.join(", ")} computed something else than the reference`, true);
  } catch (error) {
    return no(`native code cannot run: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws DyadError (usage) where native code cannot run. */
export function requireNative(): void {
  const support = nativeSupport();
  if (!support.usable) throw usageError(`--backend native: ${support.reason}; use --backend auto or wasm`);
}

/** What a user may ask for: `auto` is native where that can run, otherwise wasm. */
export const BACKEND_CHOICES = ["auto", ...BACKENDS] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

/** The backend for a choice, and a warning if native code was put out of use because it is wrong here. */
export function chooseBackend(choice: BackendChoice): { backend: Backend; warning?: string } {
  if (choice !== "auto") return { backend: choice };
  const support = nativeSupport();
  if (support.usable) return { backend: "native" };
  return { backend: "wasm", warning: support.fault ? support.reason : undefined };
}
