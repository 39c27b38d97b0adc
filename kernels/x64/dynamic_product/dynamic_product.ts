import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import { type DenseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import { type ChannelBlock, channelBlock } from "../convolution/channel_block.ts";
import { byteSteps, packWords } from "../convolution/dense.ts";
import { type DenseArithmetic, emitDense, STEP_BYTES } from "../convolution/dense_generator.ts";
import { placeBlocks, VECTOR_BYTES } from "../convolution/tile_block.ts";
import type { CpuFeature } from "../cpu_features.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import { emitStore, emitTailMask, writeLimits } from "../requantization.ts";
import { emitDynamicOutputs, writeDynamicOutput } from "./dynamic_outputs.ts";
import {
  emitQuantizedVectors,
  QUANTIZATION_BYTES,
  QUANTIZED,
  quantizedPitch,
  writeQuantization,
} from "./quantized_vectors.ts";

/** Outputs of a whole tile, and its accumulators: with two for weights and two for products they fill 32 registers. */
const TILE = { outputs: 32, accumulators: 28 };

const FEATURES: readonly CpuFeature[] = ["avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"];

/** The vectors in scratch as pixels of a row: a product is a convolution by one tap. */
function layoutOf({ positions, inputs, outputs }: DynamicProductProblem) {
  const window = { ...POINT_WINDOW, inputWidth: positions, outputWidth: positions };
  const shape = { window, inputChannels: inputs, outputChannels: outputs, groups: 1 };
  const pixelBytes = quantizedPitch(inputs);
  const steps = Math.ceil(inputs / STEP_BYTES);
  const sum: DenseSum = { rows: 1, runs: 1, elements: inputs, steps, runPitch: pixelBytes, rowPitch: pixelBytes };
  const blocks = outputBlocks(shape, TILE).map(({ count, channels }) => ({
    count,
    block: channelBlock(channels, steps * VECTOR_BYTES),
  }));
  return { shape, image: { columns: positions, pixelBytes }, sum, blocks };
}

function pack(problem: DynamicProductProblem): Uint8Array {
  const { inputs, weights, activationBits, output } = problem;
  const { placed, end } = placeBlocks(1, layoutOf(problem).blocks, QUANTIZATION_BYTES);
  const constants = new Uint8Array(end);
  const view = new DataView(constants.buffer);
  const words = new Int32Array(constants.buffer);
  writeQuantization(view, 0, activationBits);
  for (const { block, start, channel } of placed) {
    for (let row = 0; row < block.channels; row++) {
      const first = start + block.weights + STEP_BYTES * row;
      packWords(words, first >> 2, block.vectors * VECTOR_BYTES >> 2, weights, (channel + row) * inputs, inputs);
      writeDynamicOutput(view, start, row, problem, channel + row, block);
    }
    writeLimits(view, start + block.limits, output);
  }
  return constants;
}

function arithmeticOf({ output: { dtype } }: DynamicProductProblem): DenseArithmetic<ChannelBlock> {
  return {
    inputElementBytes: 1,
    outputElementBytes: bytesOf(dtype),
    accumulators: TILE.accumulators,
    emitMask: (f, { channels }) => emitTailMask(f, channels),
    emitBias(f, accumulators) {
      for (const sum of accumulators.flat()) f.code.emit("vpxord", sum, sum, sum);
    },
    stepsOf: byteSteps,
    emitOutputs(f, accumulators, base, block, output, outputOffsets, { pointer, offsets }) {
      accumulators.forEach((row, v) =>
        row.forEach((sums, pixel) => {
          const temporaries = pixel % 2 === 0 ? [zmm(28), zmm(29)] : [zmm(30), zmm(31)];
          emitDynamicOutputs(f, sums, temporaries, base, v, block, memory(pointer, offsets[pixel] - QUANTIZED));
          const elements = Math.min(16, block.channels - 16 * v);
          emitStore(f, sums, dtype, elements, output, outputOffsets[pixel] + 16 * v * bytesOf(dtype));
        })
      );
    },
  };
}

function generate(problem: DynamicProductProblem): Uint8Array {
  const f = new KernelFunction(1);
  const { constants, scratch, output, inputs: [input] } = f;
  const vectors = f.take();
  f.set(vectors, scratch);
  emitQuantizedVectors(f, problem, 0, input, vectors);
  f.free(vectors, input).advance(constants, QUANTIZATION_BYTES).advance(scratch, QUANTIZED);
  emitDense(f, { ...layoutOf(problem), arithmetic: arithmeticOf(problem) }, constants, scratch, output);
  return f.finish();
}

/** Products whose input finds its scale at run time: all vectors are quantized, then multiplied as bytes are elsewhere. */
export const DYNAMIC_PRODUCT_KERNELS: readonly NativeKernel<DynamicProductProblem>[] = [{
  target: "x64",
  name: `qx_qs8c_dynamic_${TILE.outputs}x${TILE.accumulators * 16 / TILE.outputs}__avx512vnni`,
  kind: "dynamic_product",
  features: FEATURES,
  supports: () => true,
  pack,
  scratchBytes: ({ positions, inputs }) => positions * quantizedPitch(inputs),
  generate,
}];
