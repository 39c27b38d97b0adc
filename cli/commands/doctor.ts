import {
  type BackendStatus,
  backendStatuses,
  type NativeSupport,
  nativeSupport,
  webAssemblySupport,
} from "../../lib/runtime/machine_support.ts";
import type { WasmFormChoice } from "../../lib/runtime/wasm_form.ts";
import { defineCommand } from "../command.ts";
import { thisMachine } from "../machine.ts";
import { wasmForm } from "../backend.ts";
import { type Cell, facts, formatMilliseconds, type Table } from "../report.ts";

const NOT_ALLOWED = "not tried; to try it, add --allow-ffi: deno run -R -W --allow-ffi cli/main.ts doctor";

export const doctor = defineCommand({
  name: "doctor",
  summary: "Show what this machine offers, which backend is used and why",
  details: "Native code is tried by running a few instructions that ask the processor for its features (CPUID). That " +
    "needs Deno's permission for foreign functions, --allow-ffi; without it everything else works.",
  positionals: {},
  flags: {},
  examples: ["dyad doctor", "dyad doctor --json"],
  async run() {
    const machine = thisMachine();
    const { state } = await Deno.permissions.query({ name: "ffi" });
    const allowFfi = state === "granted";
    const webAssembly = webAssemblySupport();
    const native: NativeSupport = allowFfi ? nativeSupport() : { runs: false, reason: NOT_ALLOWED };
    const backends = backendStatuses(webAssembly, () => wasmForm().form);
    const processor = native.runs ? native.processor.brand : machine.processor;
    const forms = webAssembly.simd ? wasmForm() : undefined;
    const extensions = [webAssembly.simd && "SIMD", webAssembly.relaxedSimd && "relaxed SIMD"].filter((name) => name);
    return {
      json: { machine: { ...machine, processor }, allowFfi, webAssembly, forms, native, backends },
      blocks: [
        facts([
          ["system", `${machine.os} on ${machine.arch}, ${machine.cores === 1 ? "1 core" : `${machine.cores} cores`}`],
          ["processor", processor === undefined ? "not asked without --allow-ffi" : String(processor)],
          ["runtime", String(machine.runtime)],
          ["WebAssembly", extensions.length === 0 ? "without SIMD" : `with ${extensions.join(", ")}`],
          ...forms === undefined ? [] : [["a layer of 7 bits", formsText(forms)] as const],
          ["--allow-ffi", allowFfi ? "granted" : "not granted"],
          ["native code", nativeCell(native)],
          ...native.runs
            ? [["extensions", native.processor.features.join(", ") || "none that native kernels could use"] as const]
            : [],
        ]),
        backendTable(backends),
      ],
    };
  },
});

function formsText({ milliseconds, form }: WasmFormChoice): string {
  const [relaxed, strict] = [milliseconds.wasm, milliseconds["wasm-strict"]].map(formatMilliseconds);
  return `${relaxed} with relaxed instructions, ${strict} without: ${form} is taken`;
}

function nativeCell(native: NativeSupport): Cell {
  return native.runs
    ? "runs, in memory that is executable and never writable again"
    : { text: native.reason, paint: "yellow" };
}

function backendTable(backends: readonly BackendStatus[]): Table {
  return {
    columns: [{ title: "backend" }, { title: "state" }, { title: "why" }],
    rows: backends.map(({ name, isAvailable, isUsed, reason }) => [
      name,
      isUsed ? { text: "used", paint: "green" } : isAvailable ? "available" : { text: "missing", paint: "yellow" },
      reason,
    ]),
  };
}
