import type { FloatWeightGradientProblem } from "../../../lib/arith/problem.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { balancedSplit } from "../../convolution/pixel_tiles.ts";
import { BORDER_BYTES } from "../convolution/bordered_bytes.ts";
import { VECTOR_BYTES } from "../convolution/tile_block.ts";
import { emitGatherMask, emitGatherWords } from "../gather_words.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { k, masked, memory, zmm } from "../operands.ts";
import { align } from "../../program_layout.ts";
import { LANES } from "./float_block.ts";
import { activationBytes, emitActivation, emitPositions } from "./weight_gradient.ts";

/** Taps of a tile, each a vector of channels. */
const TILE_TAPS = 24;

/** Windows of more taps are left to WebAssembly. */
const MOST_TAPS = 121;

const GRADIENT = zmm(31);
const PRODUCTS = [zmm(29), zmm(30)] as const;
const [INDICES, TRANSPOSED] = [zmm(0), zmm(1)] as const;

/** The mask of the last vector of the weights of the last block, where channels do not fill it. */
const TAIL = k(3);

function tapsOf({ window: { kernelHeight, kernelWidth } }: FloatWeightGradientProblem): number {
  return kernelHeight * kernelWidth;
}

/**
 * The border's value, which is 0, then where the weights of sixteen channels, [channel, tap], lie among sums stored as
 * [tap, 16 channels]: indices of words.
 */
function pack(problem: FloatWeightGradientProblem): Uint8Array {
  const taps = tapsOf(problem);
  const words = new Int32Array(BORDER_BYTES / 4 + LANES * taps);
  for (let i = 0; i < LANES * taps; i++) words[BORDER_BYTES / 4 + i] = (i % taps) * LANES + Math.floor(i / taps);
  return new Uint8Array(words.buffer);
}

/** For each 16 channels: their sums for every tap over all output positions, then the transposition of these. */
function generate(problem: FloatWeightGradientProblem): Uint8Array {
  const { window: w, inputChannels: channels } = problem;
  const taps = tapsOf(problem);
  const pixelBytes = 4 * channels;
  const tapRowPitch = w.dilationY * borderedImage(w).columns * pixelBytes;
  const offsetOf = (tap: number): number =>
    Math.floor(tap / w.kernelWidth) * tapRowPitch + (tap % w.kernelWidth) * w.dilationX * pixelBytes;

  const f = new KernelFunction(2);
  const { constants, scratch, output, inputs: [input, gradient] } = f;
  const activation = emitActivation(f, problem);
  const sums = f.take();
  f.set(sums, scratch).advance(sums, align(activationBytes(problem)));
  f.free(activation === scratch ? input : scratch).advance(constants, BORDER_BYTES);
  emitGatherMask(f);
  const [g, a] = [f.take(), f.take()];

  const block = (size: number): void => {
    let done = 0;
    for (const run of balancedSplit(taps, TILE_TAPS)) {
      for (let i = 0; i < run.count; i++) {
        const tile = Array.from({ length: run.size }, (_, tap) => done + tap);
        tile.forEach((_, t) => f.code.emit("vpxord", zmm(t), zmm(t), zmm(t)));
        f.set(g, gradient).set(a, activation);
        emitPositions(f, problem, g, a, () => {
          f.code.emit("vmovdqu32", GRADIENT, memory(g));
          tile.forEach((tap, t) => {
            const product = PRODUCTS[t % PRODUCTS.length];
            f.code.emit("vmulps", product, GRADIENT, memory(a, offsetOf(tap)));
            f.code.emit("vaddps", zmm(t), zmm(t), product);
          });
        });
        tile.forEach((tap, t) => f.code.emit("vmovdqu32", memory(sums, VECTOR_BYTES * tap), zmm(t)));
        done += run.size;
      }
    }
    for (let element = 0; element < size * taps; element += LANES) {
      const target = memory(output, 4 * element);
      f.code.emit("vmovdqu32", INDICES, memory(constants, 4 * element));
      emitGatherWords(f, TRANSPOSED, memory(sums, 0, INDICES, 4));
      f.code.emit("vmovdqu32", element + LANES > size * taps ? masked(target, TAIL) : target, TRANSPOSED);
    }
    f.advance(gradient, 4 * size).advance(activation, 4 * size).advance(output, 4 * size * taps);
  };
  f.repeat(Math.floor(channels / LANES), () => block(LANES));
  const rest = channels % LANES;
  if (rest * taps % LANES > 0) f.mask(TAIL, (1 << rest * taps % LANES) - 1);
  if (rest > 0) block(rest);
  return f.finish();
}

/** Gradients of the weights of float32 convolutions with one input channel for each output channel. */
export const FLOAT_DEPTHWISE_WEIGHT_GRADIENT_KERNELS: readonly NativeKernel<FloatWeightGradientProblem>[] = [{
  target: "x64",
  name: `f32_dwconvwgrad_${LANES}x${TILE_TAPS}__avx512`,
  kind: "float_weight_gradient",
  supports: (problem) =>
    isRegular(problem.window) && problem.groups === problem.inputChannels &&
    problem.groups === problem.outputChannels && tapsOf(problem) <= MOST_TAPS,
  pack,
  scratchBytes: (problem) => align(activationBytes(problem)) + VECTOR_BYTES * tapsOf(problem),
  generate,
}];
