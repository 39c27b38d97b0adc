import type { AnyConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { type BorderedImage, borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { type DenseSum, denseSum, outputBlocks } from "../../convolution/dense_layout.ts";
import type { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, type VectorRegister, zmm } from "../operands.ts";
import { convolutionFunction } from "../sum/summed_channels.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes, writeBorder } from "./bordered_bytes.ts";
import { type ChannelBlock, channelBlock, integerOutputs, writeBlock } from "./channel_block.ts";
import { type DenseArithmetic, emitDense, STEP_BYTES, type StepEmitter } from "./dense_generator.ts";
import { type InsideTaps, insideTaps } from "./inside_taps.ts";
import { placeBlocks, VECTOR_BYTES } from "./tile_block.ts";

/** Outputs of a whole tile, in vectors of 16, and its accumulators: with two for activations they fill 32 registers. */
interface DenseTile {
  readonly outputs: number;
  readonly accumulators: number;
}

const TILES: readonly DenseTile[] = [{ outputs: 32, accumulators: 28 }];

/** vpdpbusd: four products of uint8 activations and int8 weights for each of 16 outputs, added to int32 sums that wrap. */
const VNNI = { elementBytes: 1, elementsPerStep: 4 } as const;

/** Biases that a block may have, one for each set of taps that some output reads inside of the image. */
const BIASES_MAX = 25;

/** Where the taps of a problem read: the input itself, or a copy with its padding. */
interface Image {
  readonly columns: number;
  readonly sum: DenseSum;
  /** The copy. */
  readonly bordered?: BorderedImage;
  /** Present where taps on padding are left out. */
  readonly inside?: InsideTaps;
}

/** Taps on padding are left out where a step is of one tap: the input is read in place, and fewer products are added. */
function imageOf(problem: AnyConvolutionProblem): Image {
  const { window: w, inputChannels, groups } = problem;
  const bordered = borderedImage(w);
  const [columns, elements] = [w.inputWidth, inputChannels / groups];
  if (!readsPadding(w)) return { columns, sum: denseSum(problem, bordered, VNNI) };
  const inside = insideTaps(w);
  if (elements % VNNI.elementsPerStep !== 0 || inside.rows.length * inside.columns.length > BIASES_MAX) {
    return { columns: bordered.columns, sum: denseSum(problem, bordered, VNNI), bordered };
  }
  const sum = {
    rows: w.kernelHeight,
    runs: w.kernelWidth,
    elements,
    steps: elements / VNNI.elementsPerStep,
    runPitch: w.dilationX * inputChannels,
    rowPitch: w.dilationY * columns * inputChannels,
  };
  return { columns, sum, inside };
}

/** How a problem is laid out in the constants: the border's value, then a block for each group and block of outputs. */
function layoutOf(problem: AnyConvolutionProblem, tile: DenseTile) {
  const image = imageOf(problem);
  const { sum, inside } = image;
  const steps = sum.rows * sum.runs * sum.steps;
  const biases = inside === undefined ? 1 : inside.rows.length * inside.columns.length;
  const blocks = outputBlocks(problem, tile).map(({ count, channels }) => ({
    count,
    block: channelBlock(channels, steps * VECTOR_BYTES, biases),
  }));
  return { image, sum, blocks };
}

function pack(problem: AnyConvolutionProblem, tile: DenseTile): Uint8Array {
  const { groups, inputZeroPoint, weights } = problem;
  const { image, sum, blocks } = layoutOf(problem, tile);
  const { placed, end } = placeBlocks(groups, blocks, BORDER_BYTES);
  const constants = new Uint8Array(end);
  const view = new DataView(constants.buffer);
  const words = new Int32Array(constants.buffer);
  writeBorder(constants, 0, inputZeroPoint);
  let weight = 0;
  for (const { block, start, channel } of placed) {
    const stepBytes = block.vectors * VECTOR_BYTES;
    for (let o = 0; o < block.channels; o++) {
      for (let run = 0; run < sum.rows * sum.runs; run++) {
        const first = start + run * sum.steps * stepBytes + STEP_BYTES * o;
        packWords(words, first >> 2, stepBytes >> 2, weights, weight, sum.elements);
        weight += sum.elements;
      }
    }
    writeBlock(view, start, block, problem, channel);
    if (image.inside !== undefined) writeEdgeBiases(view, start, block, problem, channel, image.inside);
  }
  return constants;
}

/** Writes a bias for each set of taps inside of the image: zero points are subtracted from those activations only. */
function writeEdgeBiases(
  view: DataView,
  start: number,
  { channels, vectors, bias }: ChannelBlock,
  problem: AnyConvolutionProblem,
  first: number,
  { rows, columns }: InsideTaps,
): void {
  for (let o = 0; o < channels; o++) {
    const sums = tapSums(problem, first + o);
    rows.flatMap((row) => columns.map((column) => [row, column] as const)).forEach(([row, column], edge) => {
      let sum = 0;
      for (let r = row[0]; r < row[1]; r++) {
        for (let c = column[0]; c < column[1]; c++) sum += sums[r * problem.window.kernelWidth + c];
      }
      const folded = problem.bias[first + o] - problem.inputZeroPoint * sum;
      view.setInt32(start + bias + VECTOR_BYTES * vectors * edge + 4 * o, folded, true);
    });
  }
}

/** Sums of an output channel's weights, for each tap. */
function tapSums({ weights, outputChannels, window }: AnyConvolutionProblem, channel: number): Int32Array {
  const sums = new Int32Array(window.kernelHeight * window.kernelWidth);
  const perChannel = weights.length / outputChannels;
  const elements = perChannel / sums.length;
  for (let tap = 0, i = channel * perChannel; tap < sums.length; tap++) {
    for (let element = 0; element < elements; element++) sums[tap] += weights[i++];
  }
  return sums;
}

/** Writes `count` weights from `first` on, four to a word and words `pitch` apart; the last is filled with zeros. */
export function packWords(
  words: Int32Array,
  start: number,
  pitch: number,
  weights: Int8Array,
  first: number,
  count: number,
): void {
  const end = first + count;
  let at = start;
  for (let i = first; i < end; i += 4) {
    const second = i + 1 < end ? weights[i + 1] & 0xff : 0;
    const third = i + 2 < end ? weights[i + 2] & 0xff : 0;
    const fourth = i + 3 < end ? weights[i + 3] : 0;
    words[at] = weights[i] & 0xff | second << 8 | third << 16 | fourth << 24;
    at += pitch;
  }
}

/** A matrix times a vector reads each weight once, as a rule from memory: it is asked for this far ahead. */
const PREFETCH_BYTES = 1536;

function isOnePixel([first]: readonly VectorRegister[][]): boolean {
  return first.length === 1;
}

function usedBy(accumulators: readonly VectorRegister[][]): number {
  return accumulators.length * accumulators[0].length;
}

/** vpdpbusd of every weight vector by every activation; the accumulators of a tile are the first registers. */
export function byteSteps(
  f: KernelFunction,
  accumulators: readonly VectorRegister[][],
  pointOffsets: readonly number[],
  tiles: number,
): StepEmitter {
  const [used, vectors] = [usedBy(accumulators), accumulators.length];
  const weights = Array.from({ length: vectors }, (_, v) => zmm(used + v));
  const activations = Array.from({ length: 32 - used - vectors }, (_, i) => zmm(used + vectors + i));
  const isVector = tiles === 1 && isOnePixel(accumulators);
  let next = 0;
  return (w, weightOffset, a, offset, pixels) => {
    weights.forEach((vector, v) => {
      const at = weightOffset + VECTOR_BYTES * v;
      if (isVector) f.code.emit("prefetcht0", memory(w, at + PREFETCH_BYTES));
      f.code.emit("vmovdqu32", vector, memory(w, at));
    });
    for (const pixel of pixels) {
      const activation = activations[next++ % activations.length];
      f.code.emit("vpbroadcastd", activation, memory(a, pointOffsets[pixel] + offset));
      weights.forEach((vector, v) => f.code.emit("vpdpbusd", accumulators[v][pixel], activation, vector));
    }
  };
}

/** The accumulators of a tile are the first registers. */
function arithmeticOf(problem: AnyConvolutionProblem, tile: DenseTile): DenseArithmetic<ChannelBlock> {
  const lastRegisters = (count: number): VectorRegister[] => Array.from({ length: count }, (_, i) => zmm(31 - i));
  const addsBiasLast = (accumulators: readonly VectorRegister[][]): boolean =>
    isOnePixel(accumulators) && !readsPadding(problem.window);
  const outputs = integerOutputs(problem, (accumulators) => lastRegisters(32 - usedBy(accumulators)));
  return {
    ...outputs,
    // Biases lie behind the weights: a tile of one pixel, which reads those once, adds them when it gets there.
    emitBias(f, accumulators, base, block, edges) {
      if (!addsBiasLast(accumulators)) return outputs.emitBias(f, accumulators, base, block, edges);
      for (const [sum] of accumulators) f.code.emit("vpxord", sum, sum, sum);
    },
    emitOutputs(f, accumulators, base, block, output, outputOffsets) {
      if (addsBiasLast(accumulators)) {
        accumulators.forEach(([sum], v) =>
          f.code.emit("vpaddd", sum, sum, memory(base, block.bias + VECTOR_BYTES * v))
        );
      }
      outputs.emitOutputs(f, accumulators, base, block, output, outputOffsets);
    },
    inputElementBytes: VNNI.elementBytes,
    accumulators: tile.accumulators,
    stepsOf: byteSteps,
  };
}

function generate(problem: AnyConvolutionProblem, tile: DenseTile): Uint8Array {
  const { inputChannels } = problem;
  const { image: { columns, bordered, inside }, sum, blocks } = layoutOf(problem, tile);
  const f = convolutionFunction(problem);
  const { constants, scratch, output, inputs: [input] } = f;
  if (bordered !== undefined) emitBorderedBytes(f, bordered, inputChannels, constants, input, scratch);
  const [source, unused] = bordered === undefined ? [input, scratch] : [scratch, input];
  f.free(unused).advance(constants, BORDER_BYTES);
  const arithmetic = arithmeticOf(problem, tile);
  const image = { columns, pixelBytes: inputChannels };
  const isInside = inside !== undefined;
  emitDense(f, { shape: problem, image, sum, isInside, blocks, arithmetic }, constants, source, output);
  return f.finish();
}

/** Dense and grouped convolutions, and so matrix products, of uint8 activations and int8 weights. */
export const DENSE_KERNELS: readonly NativeKernel<AnyConvolutionProblem>[] = TILES.map((tile) => ({
  target: "x64",
  name: `qu8_qs8c_conv_${tile.outputs}x${tile.accumulators * 16 / tile.outputs}__avx512vnni`,
  kind: "convolution",
  supports: ({ window }) => isRegular(window),
  pack: (problem) => pack(problem, tile),
  scratchBytes: (problem) => {
    const { bordered } = imageOf(problem);
    return bordered === undefined ? 0 : borderedBytes(problem.window, bordered, problem.inputChannels);
  },
  generate: (problem) => generate(problem, tile),
}));
