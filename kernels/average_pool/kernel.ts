import { storedMagnitude } from "../../lib/arith/bounds.ts";
import type { AveragePoolProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { WasmKernel } from "../kernel.ts";
import { fitsInt32, offsetTerm, roundingTerm } from "../requantize/dyadic_shift.ts";
import { emitFinishedSums, type SumFinish } from "../requantize/finish_sums.ts";
import { emitLoadLanes, fullRange } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import { emitTaps, insideColumns, insideRows, tapPitches } from "../window/window_taps.ts";
import { rescaleAt } from "./reference.ts";

/** Layout in `constants` of an output position, in bytes. */
const FIRST_TAP = 0;
const ROWS = 4;
const COLUMNS = 8;
const MULTIPLIER = 12;
const SHIFT = 16;
const OFFSET = 20;
const CONSTANT = 24;
const POSITION_BYTES = 32;

interface Position {
  readonly firstTap: number;
  readonly rows: number;
  readonly columns: number;
  readonly multiplier: number;
  readonly shift: number;
}

function positionsOf(problem: AveragePoolProblem): Position[] {
  const { window: w, channels, inputDtype } = problem;
  const pixel = channels * bytesOf(inputDtype);
  const columns = insideColumns(w);
  return insideRows(w).flatMap((row, y) =>
    columns.map((column, x) => ({
      firstTap: (row.first * w.inputWidth + column.first) * pixel,
      rows: row.count,
      columns: column.count,
      ...rescaleAt(problem, y * w.outputWidth + x),
    }))
  );
}

function isProven({ inputDtype, inputZeroPoint, output }: AveragePoolProblem, positions: readonly Position[]): boolean {
  const magnitude = storedMagnitude(inputDtype, inputZeroPoint);
  return positions.every(({ rows, columns, multiplier, shift }) => {
    const taps = rows * columns;
    const sum = Math.min(taps * magnitude, 2 ** 31 + taps * Math.abs(inputZeroPoint));
    return fitsInt32(sum * multiplier, shift, output.zeroPoint);
  });
}

/** The zero point is folded into the constant: sum (q - Z) * b = (sum q) * b - n * Z * b. */
function pack(problem: AveragePoolProblem): Uint8Array {
  const positions = positionsOf(problem);
  const proven = isProven(problem, positions);
  const view = new DataView(new ArrayBuffer(positions.length * POSITION_BYTES));
  positions.forEach(({ firstTap, rows, columns, multiplier, shift }, i) => {
    const start = i * POSITION_BYTES;
    const folded = BigInt(rows * columns) * BigInt(problem.inputZeroPoint) * BigInt(multiplier);
    view.setInt32(start + FIRST_TAP, firstTap, true);
    view.setInt32(start + ROWS, rows, true);
    view.setInt32(start + COLUMNS, columns, true);
    view.setInt32(start + MULTIPLIER, multiplier, true);
    view.setInt32(start + SHIFT, shift, true);
    view.setInt32(start + OFFSET, offsetTerm(problem.output.zeroPoint, shift), true);
    view.setBigInt64(start + CONSTANT, BigInt.asIntN(64, roundingTerm(shift, proven) - folded), true);
  });
  return new Uint8Array(view.buffer);
}

function emitBody(f: FunctionBuilder, problem: AveragePoolProblem): void {
  const { window: w, channels, inputDtype, output } = problem;
  const pitches = tapPitches(w, channels, bytesOf(inputDtype));
  const [position, , out, input] = f.parameters;
  const [first, rows, columns, shift] = f.locals("i32", 4);
  const [multiplier, constant, offset, sum, low, high] = f.locals("v128", 6);
  const finish: SumFinish = {
    output,
    proven: isProven(problem, positionsOf(problem)),
    counts: { per: "vector", push: () => f.get(shift) },
    pushOffset: () => f.get(offset),
  };

  const four = (lanes: number): void => {
    f.v128(new Int32Array(4)).set(sum);
    emitTaps(f, first, rows, columns, pitches, (tap) => {
      f.get(sum);
      emitLoadLanes(f, inputDtype, { base: tap, offset: 0 });
      f.op("i32x4.add").set(sum);
    });
    f.get(sum).get(multiplier).op("i64x2.extmul_low_i32x4_s").get(constant).op("i64x2.add").set(low);
    f.get(sum).get(multiplier).op("i64x2.extmul_high_i32x4_s").get(constant).op("i64x2.add").set(high);
    emitFinishedSums(f, [low, high], finish, lanes, { base: out, offset: 0 });
    f.advance(first, lanes * bytesOf(inputDtype)).advance(out, lanes * bytesOf(output.dtype));
  };

  f.repeat(w.outputHeight * w.outputWidth, () => {
    f.get(input).get(position).memory("i32.load", FIRST_TAP).op("i32.add").set(first);
    f.get(position).memory("i32.load", ROWS).set(rows).get(position).memory("i32.load", COLUMNS).set(columns);
    f.get(position).memory("i32.load", SHIFT).set(shift);
    f.get(position).memory("v128.load32_splat", MULTIPLIER).set(multiplier);
    f.get(position).memory("v128.load32_splat", OFFSET).set(offset);
    f.get(position).memory("v128.load64_splat", CONSTANT).set(constant);
    f.repeat(Math.floor(channels / 4), () => four(4));
    if (channels % 4 > 0) four(channels % 4);
    f.advance(position, POSITION_BYTES);
  });
}

const NAME = "qx_avgpool_4x1__wasmsimd";

/** Average pooling. The sum of the stored integers under a window must be an int32, as every accumulator. */
export const AVERAGE_POOL_KERNELS: readonly WasmKernel<AveragePoolProblem>[] = [{
  name: NAME,
  kind: "average_pool",
  supports: ({ window: { kernelHeight, kernelWidth }, inputDtype }) =>
    inputDtype === "i32" || kernelHeight * kernelWidth * fullRange(inputDtype).high < 2 ** 31,
  pack,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
