import type { RecurrentProblem } from "../../lib/arith/problem.ts";
import { clamp, shiftHalvesRoundHalfUp } from "../../lib/arith/round.ts";

/** a_h of one row, with h - Z. */
export function recurrentSum(
  { hidden, weights, bias }: RecurrentProblem,
  row: number,
  centred: ArrayLike<number>,
): number {
  let sum = bias[row];
  for (let j = 0; j < hidden; j++) sum += weights[row * hidden + j] * centred[j];
  return sum;
}

/** (input * bx + sum * bh + state * bc + 2^(shift-1)) >> shift of one row, clamped to `bits`. */
export function rescaledSum(
  { inputMultipliers, recurrentMultipliers, shift }: RecurrentProblem,
  row: number,
  input: number,
  sum: number,
  bits: number = 16,
  [state, bc]: readonly [number, number] = [0, 0],
): number {
  const [bx, bh] = [inputMultipliers[row], recurrentMultipliers[row]];
  const upper = input * (bx >> 16) + sum * (bh >> 16) + state * (bc >> 16);
  const lower = input * (bx & 0xffff) + sum * (bh & 0xffff) + state * (bc & 0xffff);
  return saturate(shiftHalvesRoundHalfUp(upper, lower, shift), bits);
}

/**
 * sat16((f * s * 2^m + i * g + 2^(14+m)) >> (15+m)), m = 15 - stateBits, of the factors of both products; products of three
 * int16 are exact in float64.
 */
export function nextState(
  stateBits: number,
  [f, s]: readonly [number, number],
  [i, g]: readonly [number, number],
): number {
  const m = 15 - stateBits;
  return saturate(Math.floor((f * s * 2 ** m + i * g + 2 ** (14 + m)) / 2 ** (15 + m)));
}

/** The nearest integer of `bits`, signed. */
export function saturate(value: number, bits: number = 16): number {
  return clamp(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1);
}
