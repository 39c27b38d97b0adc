import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { isRegular } from "../../convolution/bordered_image.ts";
import { type DenseSum, denseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import { BORDER_BYTES } from "../convolution/bordered_bytes.ts";
import { type DenseArithmetic, emitDense } from "../convolution/dense_generator.ts";
import { placeBlocks, VECTOR_BYTES } from "../convolution/tile_block.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import { emitMultiplyAdd, type FloatBlock, floatBlock, floatOutputs, LANES, writeFloatBlock } from "./float_block.ts";
import { emitFloatImage, type FloatImage, floatImage } from "./float_image.ts";

/** Outputs of a whole tile and its accumulators: with two weights, an activation and a product they fill 32 registers. */
const TILE = { outputs: 32, accumulators: 28 } as const;

const FLOAT = { elementBytes: 4, elementsPerStep: 1 } as const;

/**
 * Where few tiles read them, weights come from memory rather than from a cache. They are asked for this far ahead:
 * processors do so themselves only within a page. A single tile waits for the memory anyway.
 */
const PREFETCH_BYTES = 4096;
const COLD_TILES = 8;

/** `denseSum`, whose runs end with a pixel where something lies between pixels. */
function imageSum(problem: FloatConvolutionProblem, image: FloatImage): DenseSum {
  if (image.pixelBytes === image.channelBytes) return denseSum(problem, image, FLOAT);
  const { window: w, inputChannels, groups } = problem;
  const elements = inputChannels / groups;
  const rowPitch = w.dilationY * image.columns * image.pixelBytes;
  const runPitch = w.kernelWidth === 1 ? rowPitch : w.dilationX * image.pixelBytes;
  return { rows: w.kernelHeight, runs: w.kernelWidth, elements, steps: elements, runPitch, rowPitch };
}

function layoutOf(problem: FloatConvolutionProblem) {
  const image = floatImage(problem);
  const sum = imageSum(problem, image);
  const steps = sum.rows * sum.runs * sum.steps;
  const blocks = outputBlocks(problem, TILE).map(({ count, channels }) => ({
    count,
    block: floatBlock(channels, steps),
  }));
  return { image, sum, steps, blocks };
}

/** `visit` for every output: the element of its first weight in the constants, and from each weight to the next. */
function forEachOutput(
  { groups }: FloatConvolutionProblem,
  { blocks }: ReturnType<typeof layoutOf>,
  visit: (first: number, pitch: number) => void,
): void {
  for (const { block, start } of placeBlocks(groups, blocks, BORDER_BYTES).placed) {
    for (let o = 0; o < block.channels; o++) visit((start + block.weights) / 4 + o, block.vectors * LANES);
  }
}

/** The border's value, which is 0, then a block for each group and block of outputs. */
function pack(problem: FloatConvolutionProblem): Uint8Array {
  const layout = layoutOf(problem);
  const { placed, end } = placeBlocks(problem.groups, layout.blocks, BORDER_BYTES);
  const floats = new Float32Array(end / 4);
  const view = new DataView(floats.buffer);
  for (const { block, start, channel } of placed) writeFloatBlock(view, start, block, problem, channel);
  const { steps } = layout;
  let weight = 0;
  forEachOutput(problem, layout, (first, pitch) => {
    for (let step = 0; step < steps; step++) floats[first + step * pitch] = problem.weights[weight++];
  });
  return new Uint8Array(floats.buffer);
}

function weightPositions(problem: FloatConvolutionProblem): Uint32Array {
  const layout = layoutOf(problem);
  const positions = new Uint32Array(problem.weights.length);
  let weight = 0;
  forEachOutput(problem, layout, (first, pitch) => {
    for (let step = 0; step < layout.steps; step++) positions[weight++] = 4 * (first + step * pitch);
  });
  return positions;
}

/** Registers beside the accumulators. */
const TEMPORARIES = [zmm(28), zmm(29)] as const;
const WEIGHTS = [zmm(30), zmm(31)] as const;

/** One input element in a step: product and sum are rounded one after the other. */
const ARITHMETIC: DenseArithmetic<FloatBlock> = {
  ...floatOutputs(TEMPORARIES),
  inputElementBytes: FLOAT.elementBytes,
  accumulators: TILE.accumulators,
  stepsOf(f, accumulators, pointOffsets, tiles) {
    const weights = WEIGHTS.slice(0, accumulators.length);
    const isCold = tiles > 1 && tiles <= COLD_TILES;
    return (w, weightOffset, a, offset, pixels) => {
      weights.forEach((vector, v) => {
        const offset = weightOffset + VECTOR_BYTES * v;
        if (isCold) f.code.emit("prefetcht0", memory(w, offset + PREFETCH_BYTES));
        f.code.emit("vmovdqu32", vector, memory(w, offset));
      });
      for (const pixel of pixels) {
        const sums = accumulators.map((row) => row[pixel]);
        emitMultiplyAdd(f, sums, weights, TEMPORARIES, a, pointOffsets[pixel] + offset);
      }
    };
  },
};

function generate(problem: FloatConvolutionProblem): Uint8Array {
  const { image, sum, blocks } = layoutOf(problem);
  const f = new KernelFunction(1);
  const { constants, scratch, output, inputs: [input] } = f;
  const source = image.isCopied ? scratch : input;
  if (image.isCopied) emitFloatImage(f, image, constants, input, scratch);
  f.free(image.isCopied ? input : scratch).advance(constants, BORDER_BYTES);
  emitDense(f, { shape: problem, image, sum, blocks, arithmetic: ARITHMETIC }, constants, source, output);
  return f.finish();
}

/** Dense and grouped convolutions of float32, and so matrix products: the bits of the reference. */
export const FLOAT_DENSE_KERNELS: readonly NativeKernel<FloatConvolutionProblem>[] = [{
  target: "x64",
  name: `f32_f32_conv_${TILE.outputs}x${TILE.accumulators * LANES / TILE.outputs}__avx512`,
  kind: "float_convolution",
  supports: ({ window }) => isRegular(window),
  pack,
  weightPositions,
  scratchBytes: (problem) => floatImage(problem).scratchBytes,
  generate,
}];
