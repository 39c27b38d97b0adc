import { loadedFunction } from "./x64/native_memory.ts";

/** Functions of a program that is loaded, as data that a Worker can be sent. */
export type SharedCalls = SharedWasmCalls | SharedNativeCalls;

export interface SharedWasmCalls {
  readonly kind: "wasm";
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** What each function calls in order. */
  readonly sequences: readonly (readonly { readonly name: string; readonly addresses: readonly number[] }[])[];
}

export interface SharedNativeCalls {
  readonly kind: "native";
  /** Their addresses: threads of one program share all memory. */
  readonly functions: readonly bigint[];
}

/**
 * The functions again, on the thread that calls this.
 * @throws {Deno.errors.NotCapable} for native ones without `--allow-ffi`.
 */
export function connectCalls(shared: SharedCalls): (() => void)[] {
  if (shared.kind === "native") return shared.functions.map(loadedFunction);
  const { exports } = new WebAssembly.Instance(shared.module, { env: { memory: shared.memory } });
  return shared.sequences.map((sequence) => {
    const calls = sequence.map(({ name, addresses }) => {
      const run = exports[name] as (...addresses: number[]) => void; // programs export nothing but these
      return () => run(...addresses);
    });
    return () => {
      for (const call of calls) call();
    };
  });
}
