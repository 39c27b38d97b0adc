import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { NameOf } from "../wasm/opcodes.ts";

const UNROLL = 4;

/** Loads and stores that move exactly so many bytes. */
export const MOVES: Readonly<Record<1 | 2 | 4 | 8 | 16, readonly [NameOf<"memory">, NameOf<"memory">]>> = {
  16: ["v128.load", "v128.store"],
  8: ["i64.load", "i64.store"],
  4: ["i32.load", "i32.store"],
  2: ["i32.load16_u", "i32.store16"],
  1: ["i32.load8_u", "i32.store8"],
};

/** Copies `bytes` bytes, not one more, and moves both pointers to their ends. */
export function emitCopyBytes(f: FunctionBuilder, from: Local, to: Local, bytes: number): void {
  const move = (size: keyof typeof MOVES, offset: number): void => {
    const [load, store] = MOVES[size];
    f.get(to).get(from).memory(load, offset).memory(store, offset);
  };
  emitPieces(f, bytes, [from, to], move);
}

/** Fills `bytes` bytes with a pattern of 16 that repeats its elements, and moves the pointer to their end. */
export function emitFillBytes(f: FunctionBuilder, to: Local, bytes: number, pattern: ArrayBufferView): void {
  const words = new DataView(pattern.buffer, pattern.byteOffset, 16);
  emitPieces(f, bytes, [to], (size, offset) => {
    f.get(to);
    if (size === 16) f.v128(pattern);
    else if (size === 8) f.i64(words.getBigInt64(0, true));
    else f.i32(words.getInt32(0, true));
    f.memory(MOVES[size][1], offset);
  });
}

/** `piece` for 16 bytes at a time, in a loop where there are many, then for the 8, 4, 2 and 1 bytes that remain. */
function emitPieces(
  f: FunctionBuilder,
  bytes: number,
  pointers: readonly Local[],
  piece: (size: keyof typeof MOVES, offset: number) => void,
): void {
  const loops = Math.floor(bytes / (16 * UNROLL));
  const advance = (distance: number): void => pointers.forEach((pointer) => f.advance(pointer, distance));
  f.repeat(loops, () => {
    for (let i = 0; i < UNROLL; i++) piece(16, 16 * i);
    advance(16 * UNROLL);
  });
  const rest = bytes - loops * 16 * UNROLL;
  let done = 0;
  for (const size of [16, 8, 4, 2, 1] as const) {
    for (; rest - done >= size; done += size) piece(size, done);
  }
  advance(rest);
}
