import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import type { NameOf } from "../../kernels/wasm/opcodes.ts";
import { type CpuFeature, featuresHere, type Processor, thisProcessor } from "../../kernels/x64/cpu_features.ts";
import { type Backend, BACKENDS } from "./backend.ts";
import { type NativeStatus, nativeStatus } from "./native_status.ts";
import type { WasmForm } from "./wasm_form.ts";

/** Which instructions beyond the first version the WebAssembly engine takes. */
export interface WebAssemblySupport {
  /** Vectors of 128 bits (core specification 2.0). */
  readonly simd: boolean;
  /** Instructions whose results depend on the processor where operands are out of range (relaxed SIMD proposal). */
  readonly relaxedSimd: boolean;
}

/** Whether native code ran: then what it found the processor to be; otherwise why not. */
export type NativeSupport =
  | { readonly runs: true; readonly processor: Processor }
  | { readonly runs: false; readonly reason: string };

/** A backend of integer networks, and why it is used or not. */
export interface BackendStatus {
  readonly name: Backend;
  readonly isAvailable: boolean;
  readonly isUsed: boolean;
  readonly reason: string;
}

/** Asks the WebAssembly engine whether it takes modules with such instructions. */
export function webAssemblySupport(): WebAssemblySupport {
  const vectors = ["v128", "v128", "v128"] as const;
  return {
    simd: validates(vectors.slice(1), "i32x4.dot_i16x8_s"),
    relaxedSimd: validates(vectors, "i32x4.relaxed_dot_i8x16_i7x16_add_s"),
  };
}

function validates(operands: readonly "v128"[], instruction: NameOf<"none">): boolean {
  const module = new ModuleBuilder();
  module.addFunction("probe", { parameters: operands, results: ["v128"] }, (f) => {
    f.parameters.forEach((operand) => f.get(operand));
    f.op(instruction);
  });
  return WebAssembly.validate(module.toBytes());
}

/**
 * Runs generated x86-64 code that asks the processor what it is. It goes the way of every native kernel: into memory
 * that is written, then made executable. Whether foreign functions are allowed (`--allow-ffi`) is for the caller to find
 * out, who knows how to ask: without them Deno may put the question to the user.
 */
export function nativeSupport(): NativeSupport {
  try {
    return { runs: true, processor: thisProcessor() };
  } catch (error) {
    // Whatever Deno, the C library or the system refuse: there is no native code then, and that is an answer.
    return { runs: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

const WHY: Readonly<Record<Exclude<Backend, "native">, string>> = {
  wasm: "generated WebAssembly on vectors of 128 bits, relaxed instructions where they are defined",
  "wasm-strict": "the same without relaxed instructions",
  scalar: "plain loops, which define every step, to compare with: --backend scalar",
};

function whyNative(features: readonly CpuFeature[]): string {
  const tiles = features.includes("amx_int8") ? " and tiles (AMX)" : "";
  return `generated x86-64 code on vectors of 512 bits${tiles}, every kernel compared with the reference`;
}

/** Every backend, and whether a command uses it where `--backend` is auto; `fasterForm` times WebAssembly. */
export function backendStatuses(
  { simd }: WebAssemblySupport,
  fasterForm: () => WasmForm,
  native: NativeStatus = nativeStatus(),
  features: readonly CpuFeature[] = featuresHere(),
): BackendStatus[] {
  const missing: Partial<Record<Backend, string>> = {};
  if (!native.isAvailable) missing.native = native.reason;
  if (!simd) {
    missing.wasm = "this runtime has no WebAssembly SIMD; take --backend scalar";
    missing["wasm-strict"] = missing.wasm;
  }
  const used = native.isAvailable ? "native" : simd ? fasterForm() : undefined;
  return BACKENDS.map((name) => ({
    name,
    isAvailable: missing[name] === undefined,
    isUsed: name === used,
    reason: missing[name] ?? (name === "native" ? whyNative(features) : WHY[name]),
  }));
}
