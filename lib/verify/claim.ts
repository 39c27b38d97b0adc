import type { ClaimName, ClaimRecord, ClaimStatus, EvidenceOf } from "../format/verification.ts";
import type { MeasuredContext } from "./context.ts";

/** What examining a claim gave. */
export interface Finding<N extends ClaimName = ClaimName> {
  /** What the claim is worth when nothing contradicts it. */
  readonly verdict: Exclude<ClaimStatus, "failed">;
  /** The evidence in one sentence without a full stop. */
  readonly summary: string;
  /** What contradicts the claim, each naming the file, step, layer or tensor; the claim fails unless this is empty. */
  readonly failures: readonly string[];
  readonly evidence?: EvidenceOf<N>;
}

/** One thing that `verify` claims of a network. A new claim is a file here, a line in the list, and its evidence's schema. */
export interface Claim<N extends ClaimName = ClaimName> {
  readonly name: N;
  /** One sentence without a full stop, for `--help` and the report. */
  readonly statement: string;
  /** Looks at everything that bears on the claim; a contradiction is an answer, not an exception. */
  check(context: MeasuredContext): Finding<N>;
}

export type AnyClaim = { [N in ClaimName]: Claim<N> }[ClaimName];

/** Why something could not be made that a claim rests on. */
export interface Refusal {
  readonly refused: string;
}

/** A claim that could not be shown has failed: nothing vouches for it. */
export function notShown({ refused }: Refusal): { verdict: "proven"; summary: string; failures: string[] } {
  return { verdict: "proven", summary: "could not be examined", failures: [refused] };
}

/** A claim examined, as the artefact records it. */
export function examine(claim: AnyClaim, context: MeasuredContext): ClaimRecord {
  const { verdict, summary, failures, evidence } = claim.check(context);
  const status: ClaimStatus = failures.length > 0 ? "failed" : verdict;
  // The evidence is of this claim's kind: both come from the same member of the union.
  return { name: claim.name, statement: claim.statement, status, summary, failures, evidence } as ClaimRecord;
}
