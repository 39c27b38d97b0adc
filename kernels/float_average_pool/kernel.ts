import type { FloatAveragePoolProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import { emitTaps, tapPitches } from "../window/window_taps.ts";
import { COLUMNS, DIVISOR, FIRST_TAP, packPoolPositions, POSITION_BYTES, ROWS } from "./pool_positions.ts";

/** Channels whose sums, two in a register, are made at a time. */
const CHANNELS = 16;

/** The lower halves of two vectors. */
const LOWER_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

function emitBody(f: FunctionBuilder, { window: w, channels }: FloatAveragePoolProblem): void {
  const pitches = tapPitches(w, channels, 4);
  const [position, , out, input] = f.parameters;
  const [first, rows, columns] = f.locals("i32", 3);
  const [divisor, means] = f.locals("v128", 2);
  const sums = f.locals("v128", Math.ceil(Math.min(channels, CHANNELS) / 4) * 2);

  const block = (count: number): void => {
    const used = sums.slice(0, 2 * Math.ceil(count / 4));
    for (const sum of used) f.v128(new Float64Array(2)).set(sum);
    emitTaps(f, first, rows, columns, pitches, (tap) => {
      used.forEach((sum, i) => {
        f.get(sum).get(tap).memory("v128.load64_zero", 8 * i).op("f64x2.promote_low_f32x4", "f64x2.add").set(sum);
      });
    });
    for (let c = 0; c < count; c += 4) {
      for (const half of [0, 1]) f.get(used[c / 2 + half]).get(divisor).op("f64x2.div", "f32x4.demote_f64x2_zero");
      f.shuffle(LOWER_HALVES).set(means);
      emitStoreBytes(f, means, 4 * Math.min(4, count - c), { base: out, offset: 4 * c });
    }
    f.advance(first, 4 * count).advance(out, 4 * count);
  };

  f.repeat(w.outputHeight * w.outputWidth, () => {
    f.get(input).get(position).memory("i32.load", FIRST_TAP).op("i32.add").set(first);
    f.get(position).memory("i32.load", ROWS).set(rows).get(position).memory("i32.load", COLUMNS).set(columns);
    f.get(position).memory("v128.load64_splat", DIVISOR).set(divisor);
    f.repeat(Math.floor(channels / CHANNELS), () => block(CHANNELS));
    if (channels % CHANNELS > 0) block(channels % CHANNELS);
    f.advance(position, POSITION_BYTES);
  });
}

const NAME = `f32_avgpool_${CHANNELS}x1__wasmsimd`;

/** Average pooling of float32. */
export const FLOAT_AVERAGE_POOL_KERNELS: readonly WasmKernel<FloatAveragePoolProblem>[] = [{
  name: NAME,
  kind: "float_average_pool",
  supports: () => true,
  pack: packPoolPositions,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
