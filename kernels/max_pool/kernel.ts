import type { IntegerDType, MaxPoolProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
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

function pack({ window: w, channels, dtype }: MaxPoolProblem): Uint8Array {
  const pixel = channels * bytesOf(dtype);
  const entries = [
    ...insideRows(w).map(({ first, count }) => [first * w.inputWidth * pixel, count]),
    ...insideColumns(w).map(({ first, count }) => [first * pixel, count]),
  ];
  return new Uint8Array(Int32Array.from(entries.flat()).buffer);
}

function emitBody(f: FunctionBuilder, problem: MaxPoolProblem): void {
  const { window: w, channels, dtype } = problem;
  const pixelBytes = channels * bytesOf(dtype);
  const pitches = tapPitches(w, channels, bytesOf(dtype));
  const [constants, , out, input] = f.parameters;
  const [row, column, rowCount, columnCount, first] = f.locals("i32", 5);
  const largest = f.local("v128");

  const block = (bytes: number): void => {
    f.v128(new Int32Array(4).fill(dtype === "i32" ? fullRange("i32").low : 0)).set(largest);
    emitTaps(f, first, rowCount, columnCount, pitches, (tap) => {
      f.get(largest).get(tap).memory("v128.load").op(MAX[dtype]).set(largest);
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
  pack,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
