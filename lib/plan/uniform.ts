import { END_CANDIDATE } from "../format/candidates.ts";
import { inputError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import { type CandidateBits, candidateName, type Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { planOf } from "./plan.ts";

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
  bits: CandidateBits,
  { ends = END_CANDIDATE }: UniformOptions = {},
): Plan {
  if (layers.length === 0) throw inputError("no layers with weights to plan; a plan needs at least one");
  return {
    method: "uniform",
    constraints: [],
    layers: layers.map(({ name, parameters, macs }, i) => ({
      name,
      ...(ends !== "same" && (i === 0 || i === layers.length - 1) ? ends : bits),
      ...(parameters !== undefined && { parameters }),
      ...(macs !== undefined && { macs }),
    })),
  };
}

/**
 * The plans that give every free layer the same candidate, one for each that all of them have; fixed layers keep their
 * own. Points to compare a frontier with.
 * @throws DyadError as `makePlan` for tables and options that do not fit.
 */
export function uniformReferences(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions = {},
): Plan[] {
  const problem = makeProblem(sensitivity, latency, options);
  const free = problem.groups.filter(({ isFixed }) => !isFixed);
  const names = [...new Set(free.flatMap(({ candidates }) => candidates.map(candidateName)))];
  return names.flatMap((name): Plan[] => {
    const selection = problem.groups.map(({ isFixed, candidates }) =>
      isFixed ? 0 : candidates.findIndex((candidate) => candidateName(candidate) === name)
    );
    return selection.includes(-1) ? [] : [{ method: "uniform", ...planOf(problem, selection) }];
  });
}
