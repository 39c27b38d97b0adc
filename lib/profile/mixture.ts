import type { CandidateBits } from "../format/plan.ts";
import type { Random } from "../tensor/random.ts";

/** Bits of `count` layers, each drawn alone, all candidates as likely. */
export function drawMixture(count: number, candidates: readonly CandidateBits[], random: Random): CandidateBits[] {
  return Array.from({ length: count }, () => candidates[random.integer(0, candidates.length - 1)]);
}
