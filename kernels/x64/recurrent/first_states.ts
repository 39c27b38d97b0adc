import { emitByteMask, emitCopyBytes } from "../byte_run.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, xmm } from "../operands.ts";

/** Repeats 16 bytes of the constants over `bytes`, a multiple of 16, and moves the pointer to their end. */
export function emitFilled(f: KernelFunction, to: Pointer, bytes: number, value: number): void {
  const sixteen = xmm(16);
  f.code.emit("vmovdqu8", sixteen, memory(f.constants, value));
  f.repeat(bytes / 16, () => {
    f.code.emit("vmovdqu8", memory(to), sixteen);
    f.advance(to, 16);
  });
}

/** Copies `rows` rows of `bytes`, which lie so far apart on either side, and moves both pointers. */
export function emitCopiedRows(
  f: KernelFunction,
  rows: number,
  bytes: number,
  [from, fromPitch]: readonly [Pointer, number],
  [to, toPitch]: readonly [Pointer, number],
): void {
  emitByteMask(f, bytes);
  f.repeat(rows, () => {
    emitCopyBytes(f, from, to, bytes);
    f.advance(from, fromPitch - bytes).advance(to, toPitch - bytes);
  });
}
