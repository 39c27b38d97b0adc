import type { MaxPoolProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { everyWindowReads, validTaps, type Window } from "../../../lib/tensor/window.ts";
import { type BytePiece, emitByteMask, emitByteRun } from "../byte_run.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { low32, memory } from "../operands.ts";

/** A window of at most this many taps is code without a loop. */
const STRAIGHT_TAPS = 25;

export const OFFSET_BYTES = 4;
const MAXIMUM = { u8: "vpmaxub", u16: "vpmaxuw", i32: "vpmaxsd" } as const;

/**
 * Input positions along one axis, `kernel` for each output position. Taps in the padding are replaced by the nearest one
 * inside the image, which the maximum has seen already.
 */
function tapsInside(outputs: number, stride: number, padding: number, kernel: number, dilation: number, input: number) {
  return Array.from({ length: outputs }, (_, i) => {
    const origin = i * stride - padding;
    const [first, end] = validTaps(origin, kernel, dilation, input);
    return Array.from({ length: kernel }, (_, tap) => origin + dilation * Math.max(first, Math.min(tap, end - 1)));
  }).flat();
}

/** Byte offsets of the columns of every output column, then of the rows of every output row. */
export function packTaps(w: Window, pixel: number): Uint8Array {
  const columns = tapsInside(w.outputWidth, w.strideX, w.padLeft, w.kernelWidth, w.dilationX, w.inputWidth);
  const rows = tapsInside(w.outputHeight, w.strideY, w.padTop, w.kernelHeight, w.dilationY, w.inputHeight);
  const offsets = [...columns.map((column) => column * pixel), ...rows.map((row) => row * w.inputWidth * pixel)];
  const view = new DataView(new ArrayBuffer(offsets.length * OFFSET_BYTES));
  offsets.forEach((offset, i) => view.setInt32(i * OFFSET_BYTES, offset, true));
  return new Uint8Array(view.buffer);
}

function generate({ window: w, channels, dtype }: MaxPoolProblem): Uint8Array {
  const pixelBytes = channels * bytesOf(dtype);
  const columnBytes = w.kernelWidth * OFFSET_BYTES;
  const rowBytes = w.kernelHeight * OFFSET_BYTES;
  const f = new KernelFunction(1);
  const { constants, output, inputs: [input] } = f;
  const [rows, columns] = [f.free(f.scratch).take(), f.take()];
  emitByteMask(f, pixelBytes);
  f.set(rows, constants).advance(rows, w.outputWidth * columnBytes);
  f.repeat(w.outputHeight, () => {
    f.set(columns, constants);
    f.repeat(w.outputWidth, () => {
      emitByteRun(f, pixelBytes, [input, output], (pieces) => {
        emitWindow(f, w, MAXIMUM[dtype], pieces, input, rows, columns);
        pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.written(output), piece.vector(i)));
      });
      f.advance(input, -pixelBytes).advance(columns, columnBytes);
    });
    f.advance(rows, rowBytes);
  });
  return f.finish();
}

/** The greatest of all taps of a window, for some pieces of its channels; starts from the first tap. */
function emitWindow(
  f: KernelFunction,
  { kernelHeight, kernelWidth }: Window,
  maximum: (typeof MAXIMUM)[keyof typeof MAXIMUM],
  pieces: readonly BytePiece[],
  input: Pointer,
  rows: Pointer,
  columns: Pointer,
): void {
  const [row, column] = [f.take(), f.take()];
  const load = (target: Pointer, table: Pointer, tap: number): void =>
    void f.code.emit("mov", low32(target), memory(table, tap * OFFSET_BYTES));
  const take = (): void =>
    pieces.forEach((piece, i) => f.code.emit(maximum, piece.vector(i), piece.vector(i), piece.read(row, column)));
  load(row, rows, 0);
  load(column, columns, 0);
  f.code.emit("add", row, input);
  pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.vector(i), piece.read(row, column)));
  if (kernelHeight * kernelWidth <= STRAIGHT_TAPS) {
    for (let r = 0; r < kernelHeight; r++) {
      if (r > 0) {
        load(row, rows, r);
        f.code.emit("add", row, input);
      }
      for (let s = 0; s < kernelWidth; s++) {
        if (r + s === 0) continue;
        if (kernelWidth > 1) load(column, columns, s);
        take();
      }
    }
  } else {
    const [rowEntry, columnEntry] = [f.take(), f.take()];
    f.set(rowEntry, rows);
    f.repeat(kernelHeight, () => {
      load(row, rowEntry, 0);
      f.code.emit("add", row, input);
      f.set(columnEntry, columns);
      f.repeat(kernelWidth, () => {
        load(column, columnEntry, 0);
        take();
        f.advance(columnEntry, OFFSET_BYTES);
      });
      f.advance(rowEntry, OFFSET_BYTES);
    });
    f.free(rowEntry, columnEntry);
  }
  f.free(row, column);
}

/** Max pooling; every window has a tap inside the image. */
export const MAX_POOL_KERNELS: readonly NativeKernel<MaxPoolProblem>[] = [{
  target: "x64",
  name: "qx_maxpool_64x1__avx512",
  kind: "max_pool",
  supports: ({ window }) => everyWindowReads(window),
  pack: ({ window, channels, dtype }) => packTaps(window, channels * bytesOf(dtype)),
  scratchBytes: () => 0,
  generate,
}];
