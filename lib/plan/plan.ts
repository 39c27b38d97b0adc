import type { Latency } from "../format/latency.ts";
import type { CandidateBits, Plan, PlanConstraint, PlanTotals } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { add, toNumber } from "./decimal.ts";
import { infeasibleError } from "./infeasible.ts";
import { LIMITS } from "./limit.ts";
import { writeLp } from "./lp.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import {
  amountOf,
  bitsOf,
  freeParameters,
  measuredAmount,
  type PlanLimit,
  type PlanProblem,
  referenceBits,
  scoreOf,
  selectionProblem,
  ZERO,
} from "./problem.ts";
import type { Selection } from "./selection.ts";
import { solveSelection } from "./solve.ts";

/**
 * The plan with the least sum of scores within the limits, proven optimal. Of plans with equal sums it is the one that
 * uses less of the limited amounts, in the order of LIMIT_KINDS, then the one with the earlier candidates of the table.
 * `lpText` is the problem in the CPLEX LP format.
 * @throws DyadError (infeasible) when no plan fits, with the smallest limits that would; (input, usage) as `makeProblem`.
 */
export async function makePlan(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions = {},
): Promise<{ plan: Plan; lpText: string }> {
  const problem = makeProblem(sensitivity, latency, options);
  const selection = await solveSelection(selectionProblem(problem));
  if (selection === undefined) throw await infeasibleError(problem);
  return { plan: optimalPlan(problem, selection), lpText: writeLp(problem) };
}

/** The plan of a selection that the solver has proven optimal. */
export function optimalPlan(problem: PlanProblem, selection: Selection): Plan & { objective: number } {
  const plan = planOf(problem, selection);
  return { method: "optimal", ...plan, status: "optimal", bound: plan.objective, gap: 0 };
}

/** The plan of any selection: bits and scores of the layers, and what it uses. */
export function planOf(problem: PlanProblem, selection: Selection): Plan & { objective: number } {
  const bits = bitsOf(problem, selection);
  return {
    metric: problem.metric,
    objective: toNumber(problem.layers.reduce((sum, layer, i) => add(sum, scoreOf(layer, bits[i])), ZERO)),
    constraints: problem.limits.map((limit) => constraintOf(problem, limit, bits)),
    totals: totalsOf(problem, bits),
    references: {
      all8: totalsOf(problem, referenceBits(problem, 8)),
      all4: totalsOf(problem, referenceBits(problem, 4)),
    },
    layers: problem.layers.map((layer, i) => ({
      name: layer.name,
      ...bits[i],
      score: toNumber(scoreOf(layer, bits[i])),
      parameters: layer.parameters,
      macs: layer.macs,
    })),
  };
}

function constraintOf(problem: PlanProblem, limit: PlanLimit, bits: readonly CandidateBits[]): PlanConstraint {
  const { kind, requested, value } = limit;
  const amount = toNumber(amountOf(problem, kind, bits));
  const used = kind === "weight-bits" ? amount / Math.max(1, freeParameters(problem)) : amount;
  return { kind, requested, limit: toNumber(value), used, unit: LIMITS[kind].unit };
}

function totalsOf(problem: PlanProblem, bits: readonly CandidateBits[]): PlanTotals {
  const sizeBytes = toNumber(amountOf(problem, "size", bits));
  const free = freeParameters(problem);
  const all = problem.layers.reduce((sum, { parameters }) => sum + parameters, 0);
  const latency = measuredAmount(problem, "latency", bits);
  return {
    sizeBytes,
    bops: toNumber(amountOf(problem, "bops", bits)),
    averageWeightBits: free > 0
      ? toNumber(amountOf(problem, "weight-bits", bits)) / free
      : sizeBytes * 8 / Math.max(1, all),
    ...(latency && { latencyMs: toNumber(latency) }),
  };
}
