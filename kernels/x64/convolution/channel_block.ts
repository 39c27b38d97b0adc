import type { AnyConvolutionProblem, OutputRange } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, type VectorRegister } from "../operands.ts";
import { emitSummedChannels, writeSummedChannel, writeSumShift } from "../sum/summed_channels.ts";
import type { TileArithmetic, TileBlock } from "./tile_block.ts";
import {
  areBytes,
  emitByteMask,
  emitByteOutputs,
  requantizedByteValues,
  writeByteChannel,
  writeByteLimits,
} from "./byte_outputs.ts";
import { areSummedBytes, summedByteValues, writeSummedByteChannel, writeSummedByteShift } from "../sum/summed_bytes.ts";
import { emitNarrow, emitOddMask, isNarrow } from "./narrow_outputs.ts";
import {
  CHANNEL_BYTES,
  emitChannels,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  writeChannel,
  writeLimits,
} from "../requantization.ts";

/** Output channels that the constants hold side by side, in vectors of 16: weights, biases, parameters, limits. */
export interface ChannelBlock extends TileBlock {
  readonly bias: number;
  readonly parameters: number;
  readonly limits: number;
}

/** A block of `channels` whose weights take `weightBytes` for each vector of channels, with so many biases. */
export function channelBlock(channels: number, weightBytes: number, biases = 1): ChannelBlock {
  const vectors = Math.ceil(channels / 16);
  const bias = vectors * weightBytes;
  const parameters = bias + 64 * vectors * biases;
  const limits = parameters + CHANNEL_BYTES * vectors;
  return { channels, vectors, weights: 0, bias, parameters, limits, bytes: limits + LIMITS_BYTES };
}

/** The range of what is stored; undefined for the accumulators themselves. */
function rangeOf(problem: AnyConvolutionProblem): OutputRange | undefined {
  return problem.kind === "convolution" ? problem.output : problem.sum.output;
}

/** Bytes of a stored output; without requantization it is the accumulator. */
export function outputBytes(problem: AnyConvolutionProblem): number {
  return bytesOf(rangeOf(problem)?.dtype ?? "i32");
}

/**
 * How outputs are computed from the sums, by their type, their shifts and for what bounds of a residual sum allow: the only
 * thing about values that native code depends on. Narrower forms are faster.
 */
export type OutputForm = "bytes" | "narrow" | "wide";

export function outputForm(problem: AnyConvolutionProblem): OutputForm {
  const known = FORMS.get(problem) ?? findForm(problem);
  FORMS.set(problem, known);
  return known;
}

/** A sum is looked at channel by channel. */
const FORMS = new WeakMap<AnyConvolutionProblem, OutputForm>();

function findForm(problem: AnyConvolutionProblem): OutputForm {
  if (problem.kind === "convolution_sum") return areSummedBytes(problem) ? "bytes" : "wide";
  if (problem.output === undefined) return "wide";
  return areBytes(problem.output) ? "bytes" : isNarrow(problem.output) ? "narrow" : "wide";
}

/** Writes all of the block at `start` but its weights, and one bias; `first` is its first output channel. */
export function writeBlock(
  view: DataView,
  start: number,
  { channels, bias, parameters, limits }: ChannelBlock,
  problem: AnyConvolutionProblem,
  first: number,
): void {
  const isBytes = outputForm(problem) === "bytes";
  for (let o = 0; o < channels; o++) {
    view.setInt32(start + bias + 4 * o, foldedBias(problem, first + o), true);
    const position = start + parameters + CHANNEL_BYTES * (o >> 4);
    if (problem.kind === "convolution_sum") {
      (isBytes ? writeSummedByteChannel : writeSummedChannel)(view, position, o & 15, problem, first + o);
    } else if (problem.output !== undefined && isBytes) {
      writeByteChannel(view, position, o & 15, problem.output, first + o);
    } else if (problem.output !== undefined) {
      const { multipliers, shifts } = problem.output;
      writeChannel(view, position, o & 15, multipliers[first + o], shifts[first + o]);
    }
  }
  const range = rangeOf(problem);
  if (range !== undefined) (isBytes ? writeByteLimits : writeLimits)(view, start + limits, range);
  if (problem.kind === "convolution_sum") {
    (isBytes ? writeSummedByteShift : writeSumShift)(view, start + limits, problem);
  }
}

/** bias - inputZeroPoint * sum of the channel's weights, modulo 2^32 as sums are; the sum is then of stored integers. */
export function foldedBias(
  { weights, bias, outputChannels, inputZeroPoint }: AnyConvolutionProblem,
  channel: number,
): number {
  const perChannel = weights.length / outputChannels;
  let sum = 0;
  for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) sum += weights[i];
  return bias[channel] - inputZeroPoint * sum;
}

export function emitBias(
  f: KernelFunction,
  accumulators: readonly VectorRegister[][],
  base: Pointer,
  { bias, vectors }: ChannelBlock,
  edges: readonly number[] = [],
): void {
  accumulators.forEach((row, v) => {
    const loaded = new Map<number, VectorRegister>();
    row.forEach((accumulator, pixel) => {
      const edge = edges[pixel] ?? 0;
      f.code.emit("vmovdqu32", accumulator, loaded.get(edge) ?? memory(base, bias + 64 * (vectors * edge + v)));
      if (!loaded.has(edge)) loaded.set(edge, accumulator);
    });
  });
}

/** Prepares `emitOutputs` for a block, once before its tiles. */
export function emitBlockMask(f: KernelFunction, problem: AnyConvolutionProblem, { channels }: ChannelBlock): void {
  const form = outputForm(problem);
  if (form === "bytes") return emitByteMask(f, channels);
  emitTailMask(f, channels);
  if (form === "narrow") emitOddMask(f);
}

/** Requantizes the sums and stores them at `output` + the offset of each pixel. Clobbers `temporaries`, four or more. */
export function emitOutputs(
  f: KernelFunction,
  problem: AnyConvolutionProblem,
  accumulators: readonly VectorRegister[][],
  temporaries: readonly VectorRegister[],
  base: Pointer,
  { channels, parameters, limits }: ChannelBlock,
  output: Pointer,
  outputOffsets: readonly number[],
): void {
  const dtype = rangeOf(problem)?.dtype ?? "i32";
  const form = outputForm(problem);
  if (form === "bytes") {
    const values = problem.kind === "convolution"
      ? requantizedByteValues(f, base, parameters)
      : summedByteValues(f, problem, base, parameters, limits, output, outputOffsets);
    return emitByteOutputs(f, values, accumulators, temporaries, base, { channels, limits }, output, outputOffsets);
  }
  if (form === "narrow" && dtype !== "i32") {
    const parametersOf = (v: number): number => parameters + CHANNEL_BYTES * v;
    return emitNarrow(f, dtype, accumulators, temporaries, base, { parametersOf, limits }, output, (v, pixel) => ({
      offset: outputOffsets[pixel] + 16 * v * bytesOf(dtype),
      elements: Math.min(16, channels - 16 * v),
    }));
  }
  accumulators.forEach((row, v) => {
    row.forEach((accumulator, pixel) => {
      const offset = outputOffsets[pixel] + 16 * v * bytesOf(dtype);
      const ofChannels = parameters + CHANNEL_BYTES * v;
      if (problem.kind === "convolution_sum") {
        const first = 3 * (pixel % Math.floor(temporaries.length / 3));
        const three = temporaries.slice(first, first + 3);
        emitSummedChannels(f, problem, accumulator, three, base, ofChannels, limits, output, offset);
      } else if (problem.output !== undefined) {
        emitChannels(f, accumulator, temporaries[pixel % temporaries.length], base, ofChannels, limits);
      }
      emitStore(f, accumulator, dtype, Math.min(16, channels - 16 * v), output, offset);
    });
  });
}

/** What integer convolutions have around their sums; `temporaries` are registers beside a tile's accumulators. */
export function integerOutputs(
  problem: AnyConvolutionProblem,
  temporariesOf: (accumulators: readonly VectorRegister[][]) => readonly VectorRegister[],
): TileArithmetic<ChannelBlock> {
  return {
    outputElementBytes: outputBytes(problem),
    emitMask: (f, block) => emitBlockMask(f, problem, block),
    emitBias,
    emitOutputs: (f, accumulators, base, block, output, offsets) =>
      emitOutputs(f, problem, accumulators, temporariesOf(accumulators), base, block, output, offsets),
  };
}
