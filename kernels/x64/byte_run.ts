import type { KernelFunction, Pointer } from "./kernel_function.ts";
import { k, masked, type Memory, memory, type VectorRegister, xmm, ymm, zmm } from "./operands.ts";

const UNROLL = 4;

/** The mask of the last piece of a run. */
const TAIL = k(3);

/** Consecutive bytes, at most 64 of them, that one vector holds. Nothing is ever written beyond them. */
export interface BytePiece {
  readonly bytes: number;
  /** The register of this number, as long as the piece needs. */
  vector(number: number): VectorRegister;
  /** Its bytes to read, and up to 64 of the memory behind them. */
  read(base: Pointer, index?: Pointer): Memory;
  /** Its bytes to write; needs `emitByteMask`. */
  written(base: Pointer): Memory;
}

/** Prepares writes of the last piece of runs of so many bytes. */
export function emitByteMask(f: KernelFunction, bytes: number): void {
  if (bytes % 16 > 0) f.firstElements(TAIL, bytes % 16);
}

/** Pieces of a run: as long as they can be, the last of under 16 bytes. */
function piecesOf(bytes: number): BytePiece[] {
  const pieces: BytePiece[] = [];
  for (let offset = 0; offset < bytes;) {
    const rest = bytes - offset;
    const [size, vector] = rest >= 64 ? [64, zmm] as const : rest >= 32 ? [32, ymm] as const : [16, xmm] as const;
    const at = offset;
    pieces.push({
      bytes: Math.min(size, rest),
      vector,
      read: (base, index) => memory(base, at, index),
      written: (base) => rest < 16 ? masked(memory(base, at), TAIL) : memory(base, at),
    });
    offset += size;
  }
  return pieces;
}

/** Emits `body` for the pieces of a run, a few at a time, and moves the pointers to its end. */
export function emitByteRun(
  f: KernelFunction,
  bytes: number,
  pointers: readonly Pointer[],
  body: (pieces: readonly BytePiece[]) => void,
): void {
  const loopBytes = 64 * UNROLL;
  const stretch = (length: number): void => {
    if (length === 0) return;
    body(piecesOf(length));
    for (const pointer of pointers) f.advance(pointer, length);
  };
  f.repeat(Math.floor(bytes / loopBytes), () => stretch(loopBytes));
  stretch(bytes % loopBytes);
}

/** Copies `bytes` bytes, and moves both pointers to their ends. Needs `emitByteMask`. */
export function emitCopyBytes(f: KernelFunction, from: Pointer, to: Pointer, bytes: number): void {
  emitByteRun(f, bytes, [from, to], (pieces) => {
    pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.vector(i), piece.read(from)));
    pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.written(to), piece.vector(i)));
  });
}
