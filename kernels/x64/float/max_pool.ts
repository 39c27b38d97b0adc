import type { FloatMaxPoolProblem } from "../../../lib/arith/problem.ts";
import { everyWindowReads } from "../../../lib/tensor/window.ts";
import { emitByteMask, emitByteRun } from "../byte_run.ts";
import { KernelFunction } from "../kernel_function.ts";
import { OFFSET_BYTES, packTaps } from "../max_pool/max_pool.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { low32, memory, zmm } from "../operands.ts";

/** Windows of more taps are left to WebAssembly. */
const MOST_TAPS = 25;

/** The register of -Infinity, and the first of those that hold values. */
const LOWEST = 31;
const VALUES = 8;

/** -Infinity, then where taps lie. */
function pack({ window, channels }: FloatMaxPoolProblem): Uint8Array {
  const taps = packTaps(window, 4 * channels);
  const constants = new Uint8Array(OFFSET_BYTES + taps.length);
  new DataView(constants.buffer).setFloat32(0, -Infinity, true);
  constants.set(taps, OFFSET_BYTES);
  return constants;
}

function generate({ window: w, channels }: FloatMaxPoolProblem): Uint8Array {
  const pixelBytes = 4 * channels;
  const columnBytes = w.kernelWidth * OFFSET_BYTES;
  const f = new KernelFunction(1);
  const { constants, output, inputs: [input] } = f;
  const [rows, columns, row, column] = [f.free(f.scratch).take(), f.take(), f.take(), f.take()];
  emitByteMask(f, pixelBytes);
  f.code.emit("vpbroadcastd", zmm(LOWEST), memory(constants));
  f.advance(constants, OFFSET_BYTES).set(rows, constants).advance(rows, w.outputWidth * columnBytes);
  f.repeat(w.outputHeight, () => {
    f.set(columns, constants);
    f.repeat(w.outputWidth, () => {
      emitByteRun(f, pixelBytes, [input, output], (pieces) => {
        pieces.forEach((piece, i) => f.code.emit("vmovdqu32", piece.vector(i), piece.vector(LOWEST)));
        for (let r = 0; r < w.kernelHeight; r++) {
          f.code.emit("mov", low32(row), memory(rows, r * OFFSET_BYTES)).emit("add", row, input);
          for (let s = 0; s < w.kernelWidth; s++) {
            f.code.emit("mov", low32(column), memory(columns, s * OFFSET_BYTES));
            pieces.forEach((piece, i) => {
              const value = piece.vector(VALUES + i);
              f.code.emit("vmovdqu8", value, piece.read(row, column));
              f.code.emit("vmaxps", piece.vector(i), value, piece.vector(i)); // of a NaN and another, the second
            });
          }
        }
        pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.written(output), piece.vector(i)));
      });
      f.advance(input, -pixelBytes).advance(columns, columnBytes);
    });
    f.advance(rows, w.kernelHeight * OFFSET_BYTES);
  });
  return f.finish();
}

/** Max pooling of float32; every window has a tap inside the image. */
export const FLOAT_MAX_POOL_KERNELS: readonly NativeKernel<FloatMaxPoolProblem>[] = [{
  target: "x64",
  name: "f32_maxpool_16x1__avx512",
  kind: "float_max_pool",
  supports: ({ window }) => everyWindowReads(window) && window.kernelHeight * window.kernelWidth <= MOST_TAPS,
  pack,
  scratchBytes: () => 0,
  generate,
}];
