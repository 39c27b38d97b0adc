import type { Latency } from "../format/latency.ts";
import type { Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { usageError } from "../format/error.ts";
import { infeasibleError } from "./infeasible.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { optimalPlan, planOf } from "./plan.ts";
import { selectionProblem } from "./problem.ts";
import { bestSelections } from "./solve.ts";

/**
 * The `count` plans with the least sums of scores within the limits, the best first; fewer when fewer fit. The first is
 * that of `makePlan`; the others say by `bound` and `gap` how far they are from it. `onFound` is told how many
 * have been found.
 * @throws DyadError as `makePlan`; (usage) for a count below 1.
 */
export async function bestPlans(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions,
  count: number,
  onFound?: (found: number) => void,
): Promise<Plan[]> {
  if (!Number.isInteger(count) || count < 1) {
    throw usageError(`cannot find the ${count} best plans; ask for at least 1`);
  }
  const problem = makeProblem(sensitivity, latency, options);
  const [best, ...others] = await bestSelections(selectionProblem(problem), count, onFound);
  if (best === undefined) throw await infeasibleError(problem);
  const optimum = optimalPlan(problem, best);
  const bound = optimum.objective;
  return [
    optimum,
    ...others.map((selection) => {
      const plan = planOf(problem, selection);
      return { ...plan, bound, gap: plan.objective === bound ? 0 : (plan.objective - bound) / plan.objective };
    }),
  ];
}
