import { CODE_BITS } from "../arith/binary_codes/codes.ts";
import type { CandidateBits } from "./plan.ts";

/** Widths of integer weights and activations that networks have; a plan by hand may name others. */
const BITS_MIN = 2;
const BITS_MAX = 8;

/** The bits that `isIntegerWidth` allows, in words: what was expected. */
export const INTEGER_WIDTHS = `${BITS_MIN} to ${BITS_MAX} of each, or codes${CODE_BITS[0]} to codes${CODE_BITS.at(-1)}`;

/** Whether an integer network can have these bits. */
export function isIntegerWidth(
  { weightBits, weightFormat, activationBits, activationFormat }: Readonly<CandidateBits>,
): boolean {
  return isWidth(weightBits, weightFormat) && isWidth(activationBits, activationFormat);
}

function isWidth(bits: number, format: "codes" | undefined): boolean {
  return format === "codes" ? CODE_BITS.includes(bits) : bits >= BITS_MIN && bits <= BITS_MAX;
}
