import { clamp } from "./round.ts";

/** Entries of a table: one every 2^7 of the 2^16 values of an int16, both ends included. */
export const ACTIVATION_TABLE_LENGTH = 513;

/** Bits of an int16 that lie between two entries. */
const BETWEEN_BITS = 7;

/**
 * Values of `activation` in Q0.15 at -8 + i / 32, i = 0 .. 512, for arguments in Q3.12; halves round up, and what int16
 * does not hold is clamped.
 */
export function activationTable(activation: (x: number) => number): Int16Array {
  return Int16Array.from(
    { length: ACTIVATION_TABLE_LENGTH },
    (_, i) => clamp(Math.floor(2 ** 15 * activation(-8 + i / 32) + 0.5), -(2 ** 15), 2 ** 15 - 1),
  );
}

/**
 * The table's value at an int16, between two entries on the line through them:
 *
 *     t[i] + (((t[i+1] - t[i]) * (u & 127) + 64) >> 7),  u = argument + 2^15, i = u >> 7
 */
export function interpolate(table: Int16Array, argument: number): number {
  const u = argument + 2 ** 15;
  const i = u >> BETWEEN_BITS;
  const step = table[i + 1] - table[i];
  return table[i] + ((step * (u & (2 ** BETWEEN_BITS - 1)) + 2 ** (BETWEEN_BITS - 1)) >> BETWEEN_BITS);
}
