import type { FloatAveragePoolProblem } from "../../../lib/arith/problem.ts";
import { everyWindowReads } from "../../../lib/tensor/window.ts";
import {
  COLUMNS,
  DIVISOR,
  FIRST_TAP,
  packPoolPositions,
  POSITION_BYTES,
  ROWS,
} from "../../float_average_pool/pool_positions.ts";
import { tapPitches } from "../../window/window_taps.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { k, low32, masked, memory, ymm, zmm } from "../operands.ts";

/** float64 elements of a vector, and the vectors of sums that are made at a time. */
const LANES = 8;
const VECTORS = 8;
const CHANNELS = LANES * VECTORS;

const DIVISORS = zmm(31);
/** The first of the registers that taps are read to. */
const TAPS = 16;
/** The mask of the last vector, where channels do not fill it. */
const TAIL = k(3);

function generate({ window: w, channels }: FloatAveragePoolProblem): Uint8Array {
  const pitches = tapPitches(w, channels, 4);
  const f = new KernelFunction(1);
  const { constants: position, output, inputs: [input] } = f;
  f.free(f.scratch);
  const [first, tapRow, tap, rows, columns] = Array.from({ length: 5 }, () => f.take());
  const block = (count: number): void => {
    const vectors = Array.from({ length: Math.ceil(count / LANES) }, (_, v) => v);
    for (const v of vectors) f.code.emit("vpxord", zmm(v), zmm(v), zmm(v));
    f.set(tapRow, first).code.emit("mov", low32(rows), memory(position, ROWS));
    f.countDown(rows, () => {
      f.set(tap, tapRow).code.emit("mov", low32(columns), memory(position, COLUMNS));
      f.countDown(columns, () => {
        for (const v of vectors) f.code.emit("vcvtps2pd", zmm(TAPS + v), memory(tap, 4 * LANES * v));
        for (const v of vectors) f.code.emit("vaddpd", zmm(v), zmm(v), zmm(TAPS + v));
        f.advance(tap, pitches.column);
      });
      f.advance(tapRow, pitches.row);
    });
    for (const v of vectors) {
      const target = memory(output, 4 * LANES * v);
      f.code.emit("vdivpd", zmm(v), zmm(v), DIVISORS).emit("vcvtpd2ps", ymm(v), zmm(v));
      f.code.emit("vmovdqu32", count < LANES * (v + 1) ? masked(target, TAIL) : target, ymm(v));
    }
    f.advance(first, 4 * count).advance(output, 4 * count);
  };
  if (channels % LANES > 0) f.mask(TAIL, (1 << channels % LANES) - 1);
  f.repeat(w.outputHeight * w.outputWidth, () => {
    f.code.emit("mov", low32(first), memory(position, FIRST_TAP)).emit("add", first, input);
    f.code.emit("vpbroadcastq", DIVISORS, memory(position, DIVISOR));
    f.repeat(Math.floor(channels / CHANNELS), () => block(CHANNELS));
    if (channels % CHANNELS > 0) block(channels % CHANNELS);
    f.advance(position, POSITION_BYTES);
  });
  return f.finish();
}

/** Average pooling of float32; every window has a tap inside the image. */
export const FLOAT_AVERAGE_POOL_KERNELS: readonly NativeKernel<FloatAveragePoolProblem>[] = [{
  target: "x64",
  name: `f32_avgpool_${CHANNELS}x1__avx512`,
  kind: "float_average_pool",
  supports: ({ window }) => everyWindowReads(window),
  pack: packPoolPositions,
  scratchBytes: () => 0,
  generate,
}];
