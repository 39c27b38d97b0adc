import type { FloatWeightGradientProblem } from "../../lib/arith/problem.ts";
import { borderedImage, isRegular } from "../convolution/bordered_image.ts";
import { balancedSplit } from "../convolution/pixel_tiles.ts";
import { unrollOf } from "../convolution/tile_sum.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { activationBytes, emitActivation } from "./kernel.ts";
import { emitStoreTransposed } from "./store_transposed.ts";

/** Channels x taps of one tile. */
const TILE = { channels: 4, taps: 9 } as const;

/** A window of at most this many taps is code without a loop over kernel rows. */
const STRAIGHT_TAPS = 25;

/** For each 4 channels, for each tile of taps: their sums over all output positions, row by row. */
function emitDepthwiseGradient(
  f: FunctionBuilder,
  { window: w, inputChannels: channels }: FloatWeightGradientProblem,
  activation: Local,
  gradient: Local,
  output: Local,
): void {
  const pixelBytes = 4 * channels;
  const tapRowPitch = w.dilationY * borderedImage(w).columns * pixelBytes;
  const taps = w.kernelHeight * w.kernelWidth;
  const rowsPerPass = taps <= STRAIGHT_TAPS ? w.kernelHeight : 1;
  const offsets = Array.from(
    { length: rowsPerPass * w.kernelWidth },
    (_, tap) => Math.floor(tap / w.kernelWidth) * tapRowPitch + (tap % w.kernelWidth) * w.dilationX * pixelBytes,
  );

  const [g, firstTap, source, blockOutput, out] = f.locals("i32", 5);
  f.get(gradient).set(g).get(activation).set(source).get(output).set(blockOutput);
  const blocks = [{ count: Math.floor(channels / 4), size: 4 }, { count: 1, size: channels % 4 }];
  for (const { count, size } of blocks.filter((block) => block.size > 0)) {
    f.repeat(count, () => {
      f.get(source).set(firstTap).get(blockOutput).set(out);
      f.repeat(w.kernelHeight / rowsPerPass, () => {
        let done = 0;
        for (const run of balancedSplit(offsets.length, TILE.taps)) {
          for (let i = 0; i < run.count; i++) {
            const accumulators = emitTapSums(f, w, channels, g, firstTap, offsets.slice(done, done + run.size));
            emitStoreTransposed(f, [accumulators], size, out, 4 * taps);
            f.advance(out, 4 * run.size);
            done += run.size;
          }
        }
        f.advance(firstTap, tapRowPitch);
      });
      f.advance(g, 4 * size).advance(source, 4 * size).advance(blockOutput, 4 * size * taps);
    });
  }
}

/** The sums of 4 channels for each tap; `offsets` are those of the taps from `firstTap`. */
function emitTapSums(
  f: FunctionBuilder,
  w: FloatWeightGradientProblem["window"],
  channels: number,
  gradient: Local,
  firstTap: Local,
  offsets: readonly number[],
): Local[] {
  const pixelBytes = 4 * channels;
  const columnPitch = w.strideX * pixelBytes;
  const rowPitch = w.strideY * borderedImage(w).columns * pixelBytes;
  const accumulators = f.locals("v128", offsets.length);
  for (const accumulator of accumulators) f.v128(new Uint8Array(16)).set(accumulator);
  const vector = f.local("v128");
  const [g, a] = f.locals("i32", 2);
  f.get(gradient).set(g).get(firstTap).set(a);
  const position = (i: number): void => {
    f.get(g).memory("v128.load", i * pixelBytes).set(vector);
    accumulators.forEach((accumulator, tap) => {
      f.get(accumulator).get(vector).get(a).memory("v128.load", i * columnPitch + offsets[tap]);
      f.op("f32x4.mul", "f32x4.add").set(accumulator);
    });
  };
  const { unroll, loops, rest } = unrollOf(w.outputWidth);
  f.repeat(w.outputHeight, () => {
    f.repeat(loops, () => {
      for (let i = 0; i < unroll; i++) position(i);
      f.advance(g, unroll * pixelBytes).advance(a, unroll * columnPitch);
    });
    for (let i = 0; i < rest; i++) position(i);
    f.advance(g, rest * pixelBytes).advance(a, rowPitch - loops * unroll * columnPitch);
  });
  return accumulators;
}

const NAME = `f32_dwconvwgrad_${TILE.channels}x${TILE.taps}__wasmsimd`;

const DEPTHWISE_WEIGHT_GRADIENT: WasmKernel<FloatWeightGradientProblem> = {
  name: NAME,
  kind: "float_weight_gradient",
  supports: ({ window, groups, inputChannels, outputChannels }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels,
  pack: () => new Uint8Array(0),
  scratchBytes: activationBytes,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32", "i32"] }, (f) => {
      const activation = emitActivation(f, problem);
      emitDepthwiseGradient(f, problem, activation, f.parameters[4], f.parameters[2]);
    }),
};

/** Gradients of the weights of float32 convolutions with one input channel for each output channel. */
export const DEPTHWISE_WEIGHT_GRADIENT_KERNELS: readonly WasmKernel<FloatWeightGradientProblem>[] = [
  DEPTHWISE_WEIGHT_GRADIENT,
];
