import { DyadError } from "../lib/format/error.ts";
import { candidateName } from "../lib/format/plan.ts";
import { makePlan } from "../lib/plan/plan.ts";
import type { Planner } from "../lib/sensitivity/stability.ts";

/** The planner for the rule that ends rounds of random probes: the plan that `dyad plan` makes. */
export const planWithinBudget: Planner = async (table, metric, { weightBits, bops }) => {
  const limits = { "weight-bits": String(weightBits), ...(bops !== undefined && { bops: String(bops) }) };
  try {
    const { plan } = await makePlan(table, undefined, { metric, limits });
    return new Map(plan.layers.map((layer) => [layer.name, candidateName(layer)]));
  } catch (error) {
    if (error instanceof DyadError && error.kind === "infeasible") return undefined;
    throw error;
  }
};
