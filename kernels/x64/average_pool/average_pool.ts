import { storedMagnitude } from "../../../lib/arith/bounds.ts";
import type { AveragePoolProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { everyWindowReads } from "../../../lib/tensor/window.ts";
import { rescaleAt } from "../../average_pool/reference.ts";
import { insideColumns, insideRows, tapPitches } from "../../window/window_taps.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { low32, memory, zmm } from "../operands.ts";
import {
  CHANNEL_BYTES,
  emitChannels,
  emitLoad,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  writeChannel,
  writeLimits,
} from "../requantization.ts";

const LANES = 16;

/** Layout in constants of an output position: byte offset of its first tap, taps inside the image, its rescaling. */
const FIRST_TAP = 0;
const ROWS = 4;
const COLUMNS = 8;
const RESCALING = 12;
const POSITION_BYTES = 16;

/** A rescaling in constants: what sixteen sums start from, parameters of sixteen equal channels, limits. */
const PARAMETERS = 64;
const LIMITS = PARAMETERS + CHANNEL_BYTES;
const RESCALING_BYTES = LIMITS + LIMITS_BYTES;

/** Output positions row by row, then the rescalings that they name by their byte offset in the constants. */
function pack(problem: AveragePoolProblem): Uint8Array {
  const { window: w, channels, inputDtype, inputZeroPoint, output } = problem;
  const pixel = channels * bytesOf(inputDtype);
  const columns = insideColumns(w);
  const positions = insideRows(w).flatMap((row, y) =>
    columns.map((column, x) => ({
      firstTap: (row.first * w.inputWidth + column.first) * pixel,
      rows: row.count,
      columns: column.count,
      ...rescaleAt(problem, y * w.outputWidth + x),
    }))
  );
  const keyOf = (p: (typeof positions)[number]): string => `${p.rows * p.columns} ${p.multiplier} ${p.shift}`;
  const rescalings = [...new Map(positions.map((position) => [keyOf(position), position]))];
  const offsets = new Map(
    rescalings.map(([key], i) => [key, positions.length * POSITION_BYTES + i * RESCALING_BYTES]),
  );
  const view = new DataView(new ArrayBuffer(positions.length * POSITION_BYTES + rescalings.length * RESCALING_BYTES));
  positions.forEach((position, i) => {
    const start = i * POSITION_BYTES;
    view.setInt32(start + FIRST_TAP, position.firstTap, true);
    view.setInt32(start + ROWS, position.rows, true);
    view.setInt32(start + COLUMNS, position.columns, true);
    view.setInt32(start + RESCALING, offsets.get(keyOf(position))!, true);
  });
  for (const [key, { rows, columns, multiplier, shift }] of rescalings) {
    const start = offsets.get(key)!;
    for (let lane = 0; lane < LANES; lane++) {
      view.setInt32(start + 4 * lane, -rows * columns * inputZeroPoint, true);
      writeChannel(view, start + PARAMETERS, lane, multiplier, shift);
    }
    writeLimits(view, start + LIMITS, output);
  }
  return new Uint8Array(view.buffer);
}

function generate({ window: w, channels, inputDtype, output }: AveragePoolProblem): Uint8Array {
  const pitches = tapPitches(w, channels, bytesOf(inputDtype));
  const f = new KernelFunction(1);
  const { constants, scratch: position, output: out, inputs: [input] } = f;
  const [first, rescaling, tapRow, tap, rows, columns] = Array.from({ length: 6 }, () => f.take());
  const [sum, element] = [zmm(0), zmm(1)];
  const block = (lanes: number): void => {
    f.code.emit("vmovdqu32", sum, memory(rescaling, 0));
    f.set(tapRow, first).code.emit("mov", low32(rows), memory(position, ROWS));
    f.countDown(rows, () => {
      f.set(tap, tapRow).code.emit("mov", low32(columns), memory(position, COLUMNS));
      f.countDown(columns, () => {
        emitLoad(f, element, inputDtype, tap, 0);
        f.code.emit("vpaddd", sum, sum, element);
        f.advance(tap, pitches.column);
      });
      f.advance(tapRow, pitches.row);
    });
    emitChannels(f, sum, element, rescaling, PARAMETERS, LIMITS);
    emitStore(f, sum, output.dtype, lanes, out, 0);
    f.advance(first, lanes * bytesOf(inputDtype)).advance(out, lanes * bytesOf(output.dtype));
  };
  emitTailMask(f, channels);
  f.set(position, constants);
  f.repeat(w.outputHeight * w.outputWidth, () => {
    f.code.emit("mov", low32(first), memory(position, FIRST_TAP)).emit("add", first, input);
    f.code.emit("mov", low32(rescaling), memory(position, RESCALING)).emit("add", rescaling, constants);
    f.repeat(Math.floor(channels / LANES), () => block(LANES));
    if (channels % LANES > 0) block(channels % LANES);
    f.advance(position, POSITION_BYTES);
  });
  return f.finish();
}

/** Average pooling of stored activations whose sums are int32; every window has a tap inside the image. */
export const AVERAGE_POOL_KERNELS: readonly NativeKernel<AveragePoolProblem>[] = [{
  target: "x64",
  name: `qx_avgpool_${LANES}x1__avx512`,
  kind: "average_pool",
  supports: ({ window, inputDtype, inputZeroPoint }) => {
    const taps = window.kernelHeight * window.kernelWidth;
    return everyWindowReads(window) && inputDtype !== "i32" &&
      taps * storedMagnitude(inputDtype, inputZeroPoint) < 2 ** 31;
  },
  pack,
  scratchBytes: () => 0,
  generate,
}];
