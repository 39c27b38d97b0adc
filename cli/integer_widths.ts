import type { CandidateBits } from "../lib/format/plan.ts";

/** Widths that integer networks have kernels for. */
export const BITS_MIN = 2;
export const BITS_MAX = 8;

export function isIntegerWidth(bits: CandidateBits): boolean {
  return [bits.weightBits, bits.activationBits].every((width) => width >= BITS_MIN && width <= BITS_MAX);
}
