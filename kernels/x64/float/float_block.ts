import type { FloatConvolutionProblem } from "../../../lib/arith/problem.ts";
import { type TileArithmetic, type TileBlock, VECTOR_BYTES } from "../convolution/tile_block.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { broadcast, k, masked, memory, type VectorRegister } from "../operands.ts";

/** float32 elements of a vector. */
export const LANES = 16;

/** The mask of the last vector of a block, where channels do not fill it. */
const TAIL = k(3);

/** Constants of a block of output channels: biases, both limits, then weights. Unused channels are 0. */
export interface FloatBlock extends TileBlock {
  /** Byte position from the block's start. */
  readonly limits: number;
}

/** The layout of a block with a vector of weights for each step and each 16 channels. */
export function floatBlock(channels: number, steps: number): FloatBlock {
  const vectors = Math.ceil(channels / LANES);
  const limits = vectors * VECTOR_BYTES;
  const weights = limits + VECTOR_BYTES;
  return { channels, vectors, limits, weights, bytes: weights + steps * vectors * VECTOR_BYTES };
}

/** Writes all of a block that starts with output channel `channel` but its weights. */
export function writeFloatBlock(
  view: DataView,
  start: number,
  { channels, limits }: FloatBlock,
  { bias, low, high }: FloatConvolutionProblem,
  channel: number,
): void {
  for (let c = 0; c < channels; c++) view.setFloat32(start + 4 * c, bias[channel + c], true);
  view.setFloat32(start + limits, low, true);
  view.setFloat32(start + limits + 4, high, true);
}

/** Prepares stores of a block whose channels do not fill its last vector. */
export function emitFloatMask(f: KernelFunction, { channels }: FloatBlock): void {
  if (channels % LANES > 0) f.mask(TAIL, (1 << channels % LANES) - 1);
}

/** Sets `accumulators[vector][pixel]` to the biases. */
export function emitFloatBias(f: KernelFunction, accumulators: readonly VectorRegister[][], block: Pointer): void {
  accumulators.forEach(([first, ...others], v) => {
    f.code.emit("vmovdqu32", first, memory(block, VECTOR_BYTES * v));
    for (const other of others) f.code.emit("vmovdqu32", other, first);
  });
}

/** Clamps the sums of a tile and stores them. A NaN stays: of an unordered pair the second operand is taken. */
export function emitFloatOutputs(
  f: KernelFunction,
  accumulators: readonly VectorRegister[][],
  [lowest, highest]: readonly VectorRegister[],
  block: Pointer,
  { channels, limits }: FloatBlock,
  output: Pointer,
  outputOffsets: readonly number[],
): void {
  f.code.emit("vpbroadcastd", lowest, memory(block, limits)).emit("vpbroadcastd", highest, memory(block, limits + 4));
  accumulators.forEach((row, v) => {
    row.forEach((sum, pixel) => {
      const target = memory(output, outputOffsets[pixel] + VECTOR_BYTES * v);
      f.code.emit("vmaxps", sum, lowest, sum).emit("vminps", sum, highest, sum);
      f.code.emit("vmovdqu32", channels < LANES * (v + 1) ? masked(target, TAIL) : target, sum);
    });
  });
}

/** What float convolutions have around their sums. */
export function floatOutputs(temporaries: readonly VectorRegister[]): TileArithmetic<FloatBlock> {
  return {
    outputElementBytes: 4,
    emitMask: emitFloatMask,
    emitBias: emitFloatBias,
    emitOutputs: (f, accumulators, base, block, output, offsets) =>
      emitFloatOutputs(f, accumulators, temporaries, base, block, output, offsets),
  };
}

/**
 * accumulator += weights * activation for each of the accumulators, which share the activation at an address: product
 * and sum are rounded one after the other, as every engine does.
 */
export function emitMultiplyAdd(
  f: KernelFunction,
  accumulators: readonly VectorRegister[],
  weights: readonly VectorRegister[],
  [activation, product]: readonly VectorRegister[],
  base: Pointer,
  offset: number,
): void {
  const source = memory(base, offset);
  if (weights.length === 1) f.code.emit("vmulps", product, weights[0], broadcast(source));
  else f.code.emit("vpbroadcastd", activation, source);
  weights.forEach((vector, v) => {
    if (weights.length > 1) f.code.emit("vmulps", product, vector, activation);
    f.code.emit("vaddps", accumulators[v], accumulators[v], product);
  });
}
