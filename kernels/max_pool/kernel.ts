import type { IntegerDType, MaxPoolProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { Window } from "../../lib/tensor/window.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes, fullRange } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import type { NameOf } from "../wasm/opcodes.ts";
import { emitTaps, insideColumns, insideRows, tapPitches } from "../window/window_taps.ts";

const MAX: Readonly<Record<IntegerDType, NameOf<"none">>> = {
  u8: "i8x16.max_u",
  u16: "i16x8.max_u",
  i32: "i32x4.max_s",
};

/** Bytes in `constants` of an output row or column: byte offset of its first tap, number of taps. Rows, then columns. */
const ENTRY_BYTES = 8;

/** Where the taps of a max pool lie, for pixels of so many bytes. */
export function packMaxPool(w: Window, pixel: number): Uint8Array {
  const entries = [
    ...insideRows(w).map(({ first, count }) => [first * w.inputWidth * pixel, count]),
    ...insideColumns(w).map(({ first, count }) => [first * pixel, count]),
  ];
  return new Uint8Array(Int32Array.from(entries.flat()).buffer);
}

/** What a maximum starts from, and how it goes on: maximum(so far, tap). */
interface Maximum {
  readonly lowest: ArrayBufferView;
  readonly maximum: NameOf<"none">;
}

/** The body of a max pool over pixels of so many bytes, with the constants of `packMaxPool`. */
export function emitMaxPool(f: FunctionBuilder, w: Window, pixelBytes: number, { lowest, maximum }: Maximum): void {
  const pitches = tapPitches(w, pixelBytes, 1);
  const [constants, , out, input] = f.parameters;
  const [row, column, rowCount, columnCount, first] = f.locals("i32", 5);
  const largest = f.local("v128");

  const block = (bytes: number): void => {
    f.v128(lowest).set(largest);
    emitTaps(f, first, rowCount, columnCount, pitches, (tap) => {
      f.get(largest).get(tap).memory("v128.load").op(maximum).set(largest);
    });
    emitStoreBytes(f, largest, bytes, { base: out, offset: 0 });
    f.advance(first, bytes).advance(out, bytes);
  };

  f.get(constants).set(row);
  f.repeat(w.outputHeight, () => {
    f.get(row).memory("i32.load", 4).set(rowCount);
    f.get(constants).set(column).advance(column, w.outputHeight * ENTRY_BYTES);
    f.repeat(w.outputWidth, () => {
      f.get(column).memory("i32.load", 4).set(columnCount);
      f.get(input).get(row).memory("i32.load").op("i32.add").get(column).memory("i32.load").op("i32.add").set(first);
      f.repeat(Math.floor(pixelBytes / 16), () => block(16));
      if (pixelBytes % 16 > 0) block(pixelBytes % 16);
      f.advance(column, ENTRY_BYTES);
    });
    f.advance(row, ENTRY_BYTES);
  });
}

const NAME = "qx_maxpool__wasmsimd";

/** Max pooling, 16 bytes of channels at a time. */
export const MAX_POOL_KERNELS: readonly WasmKernel<MaxPoolProblem>[] = [{
  name: NAME,
  kind: "max_pool",
  supports: () => true,
  pack: ({ window, channels, dtype }) => packMaxPool(window, channels * bytesOf(dtype)),
  scratchBytes: () => 0,
  emit: ({ window, channels, dtype }, module) =>
    module.addFunction(
      NAME,
      { parameters: ["i32", "i32", "i32", "i32"] },
      (f) =>
        emitMaxPool(f, window, channels * bytesOf(dtype), {
          lowest: new Int32Array(4).fill(dtype === "i32" ? fullRange("i32").low : 0),
          maximum: MAX[dtype],
        }),
    ),
}];
