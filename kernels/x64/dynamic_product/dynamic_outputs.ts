import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { type Memory, memory, type VectorRegister } from "../operands.ts";
import { CHANNEL_BYTES, channelOperands, emitLimits, roundingConstant, writeChannel } from "../requantization.ts";
import { OFFSET } from "./quantized_vectors.ts";

/** Where a block's constants of outputs lie, from where its pointer stands. */
export interface OutputConstants {
  /** What is subtracted of sums, since q + 128 are multiplied: int32, sixteen outputs each. */
  readonly bias: number;
  /** `CHANNEL_BYTES` for sixteen outputs. */
  readonly parameters: number;
  readonly limits: number;
}

/** Writes the constants of output `o`, of the block's output `row`, but the limits. */
export function writeDynamicOutput(
  view: DataView,
  start: number,
  row: number,
  { weights, inputs, bias, output }: DynamicProductProblem,
  o: number,
  constants: OutputConstants,
): void {
  let sum = 0;
  for (let i = o * inputs; i < (o + 1) * inputs; i++) sum += weights[i];
  view.setInt32(start + constants.bias + 4 * row, -OFFSET * sum, true); // modulo 2^32 as the sums
  const [b, c] = [output.multipliers[o], output.shifts[o]];
  const position = start + constants.parameters + CHANNEL_BYTES * (row >> 4);
  writeChannel(view, position, row & 15, b, c, BigInt(bias[o]) * BigInt(b) + roundingConstant(c));
}

/**
 * Makes the results of sixteen sums of products by q + 128, in place, with e of their vector at `exponent`:
 *
 *     clamp(Z + ((acc b + ((bias b + 2^(c-1)) >> e)) >> (c-e)), low, high)
 */
export function emitDynamicOutputs(
  f: KernelFunction,
  accumulator: VectorRegister,
  [even, operand]: readonly VectorRegister[],
  base: Pointer,
  vector: number,
  { bias, parameters, limits }: OutputConstants,
  exponent: Memory,
): void {
  const { code } = f;
  const of = channelOperands(base, parameters + CHANNEL_BYTES * vector);
  const odd = accumulator;
  code.emit("vpaddd", accumulator, accumulator, memory(base, bias + 64 * vector));
  code.emit("vpmuldq", even, accumulator, of.evenMultipliers);
  code.emit("vpsrlq", odd, accumulator, 32).emit("vpmuldq", odd, odd, of.oddMultipliers);
  for (
    const [sums, added, shifts] of [[even, of.evenRoundings, of.evenShifts], [
      odd,
      of.oddRoundings,
      of.oddShifts,
    ]] as const
  ) {
    code.emit("vmovdqu64", operand, added).emit("vpsravq", operand, operand, exponent);
    code.emit("vpaddq", sums, sums, operand);
    code.emit("vmovdqu64", operand, shifts).emit("vpsubq", operand, operand, exponent);
    code.emit("vpsravq", sums, sums, operand);
  }
  emitLimits(f, { even, odd }, base, limits);
}
