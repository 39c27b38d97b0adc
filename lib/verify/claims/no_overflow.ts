import { DyadError } from "../../format/error.ts";
import { proveNoOverflow, type StepProof } from "../../runtime/overflow_proof.ts";
import { type Claim, type Finding, notShown, type Refusal } from "../claim.ts";
import type { MeasuredContext } from "../context.ts";

function check({ subject: { network, name } }: MeasuredContext): Finding<"no-overflow"> {
  const proofs = prove(() => proveNoOverflow(network, name));
  if ("refused" in proofs) return notShown(proofs);
  const steps = proofs.map((proof) => ({ ...proof, headroomBits: roundBits(proof.headroomBits) }));
  const channels = steps.reduce((sum, proof) => sum + proof.channels, 0);
  const [tightest] = steps.toSorted((a, b) => b.bound - a.bound);
  if (tightest === undefined) {
    return { verdict: "proven", summary: "no step accumulates", failures: [], evidence: { steps, channels } };
  }
  const { step, channel, headroomBits } = tightest;
  return {
    verdict: "proven",
    summary: `${channels} channels of ${steps.length} steps stay in int32 for every input; the tightest, channel ` +
      `${channel} of ${step}, leaves ${headroomBits.toFixed(1)} bits`,
    failures: [],
    evidence: { steps, channels, tightest: { step, channel, headroomBits } },
  };
}

function prove(make: () => StepProof[]): StepProof[] | Refusal {
  try {
    return make();
  } catch (error) {
    if (error instanceof DyadError) return { refused: error.message };
    throw error;
  }
}

/** To a thousandth of a bit: the last digits of a logarithm are the machine's. */
function roundBits(bits: number): number {
  return Math.round(1000 * bits) / 1000;
}

export const noOverflow: Claim<"no-overflow"> = {
  name: "no-overflow",
  statement: "No accumulator of any output channel can leave int32, whatever the input",
  check,
};
