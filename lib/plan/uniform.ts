import { inputError } from "../format/error.ts";
import type { CandidateBits, Plan } from "../format/plan.ts";

export interface UniformOptions {
  /** Bits of the first and the last layer, 8/8 when absent; "same" gives them the bits of the others. */
  readonly ends?: CandidateBits | "same";
}

/**
 * The plan that gives every layer the same bits but, unless told otherwise, keeps the first and the last at 8/8.
 * `layers` are the layers with weights in the order of the network.
 */
export function uniformPlan(
  layers: readonly { readonly name: string; readonly parameters?: number; readonly macs?: number }[],
  weightBits: number,
  activationBits: number,
  { ends = { weightBits: 8, activationBits: 8 } }: UniformOptions = {},
): Plan {
  if (layers.length === 0) throw inputError("no layers with weights to plan; a plan needs at least one");
  const inner = { weightBits, activationBits };
  return {
    method: "uniform",
    constraints: [],
    layers: layers.map(({ name, parameters, macs }, i) => ({
      name,
      ...(ends !== "same" && (i === 0 || i === layers.length - 1) ? ends : inner),
      ...(parameters !== undefined && { parameters }),
      ...(macs !== undefined && { macs }),
    })),
  };
}
