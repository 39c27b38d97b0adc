import { emitCopyBytes, emitFillBytes } from "../copy/emit_copy_bytes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** What a state begins with: bytes of the constants from a position on, or a pattern of 16 bytes repeated. */
export type First = { readonly position: number } | { readonly pattern: Uint8Array };

/** Writes `bytes` bytes of it and moves `to` to their end. */
export function emitFirst(f: FunctionBuilder, constants: Local, first: First, to: Local, bytes: number): void {
  if ("pattern" in first) return emitFillBytes(f, to, bytes, first.pattern);
  const from = f.local("i32");
  f.get(constants).i32(first.position).op("i32.add").set(from);
  emitCopyBytes(f, from, to, bytes);
}
