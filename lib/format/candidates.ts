import { usageError } from "./error.ts";
import { INTEGER_WIDTHS, isIntegerWidth } from "./integer_width.ts";
import { type CandidateBits, candidateName, parseCandidateName } from "./plan.ts";

/** What is measured unless told otherwise. */
export const DEFAULT_CANDIDATES = "8/8,4/8,8/4,4/4";

/** What the first and the last layer keep unless plan is told otherwise. */
export const END_CANDIDATE: CandidateBits = { weightBits: 8, activationBits: 8 };

/**
 * Reads "8/8,4/8,codes3/8,4": weight bits / activation bits, in the order in which the table lists them.
 * @throws DyadError (usage) for text that is not such a list, widths that no network has, and a candidate listed twice.
 */
export function parseCandidates(text: string): CandidateBits[] {
  const candidates = text.split(",").map((part) => {
    const bits = parseCandidateName(part);
    if (bits === undefined || !isIntegerWidth(bits)) {
      throw usageError(
        `found the candidate "${part.trim()}", expected weight bits / activation bits, like "4/8" or "codes3/8": ` +
          INTEGER_WIDTHS,
      );
    }
    return bits;
  });
  const names = candidates.map(candidateName);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw usageError(`found the candidate ${repeated} twice, expected each once`);
  return candidates;
}

/** The candidates of an end of the network: with 8/8, in front where it is missing. */
export function withEndCandidate(candidates: readonly CandidateBits[]): readonly CandidateBits[] {
  const kept = candidateName(END_CANDIDATE);
  return candidates.some((bits) => candidateName(bits) === kept) ? candidates : [END_CANDIDATE, ...candidates];
}
