import type { CandidateBits } from "./plan.ts";

/** Widths of weights and activations that integer networks have; a plan by hand may name others. */
export const BITS_MIN = 2;
export const BITS_MAX = 8;

/** Whether an integer network can have these bits. */
export function isIntegerWidth({ weightBits, activationBits }: CandidateBits): boolean {
  return [weightBits, activationBits].every((width) => width >= BITS_MIN && width <= BITS_MAX);
}
