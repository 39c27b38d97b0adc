import { usageError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import type { Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { greedyFromWidest } from "./greedy.ts";
import { infeasibleError } from "./infeasible.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { nearestSelections } from "./neighbours.ts";
import { optimalPlan, planOf } from "./plan.ts";
import { selectionProblem } from "./problem.ts";
import type { Selection } from "./selection.ts";
import { bestSelections } from "./solve.ts";

/** How a refinement came by a plan. */
export type PlanOrigin = "sum" | "greedy" | "search";

/** A plan that was measured. */
export interface MeasuredPlan<M> {
  readonly plan: Plan & { readonly objective: number };
  readonly origin: PlanOrigin;
  readonly measured: M;
}

/** What a refinement asks of its caller. */
export interface Refining<M> {
  /** How many plans of least sum are measured first, and how many then in each step of the search. */
  readonly count: number;
  /** Quantizes and runs plans; in their order. */
  measure(plans: readonly Plan[]): Promise<readonly M[]>;
  lossOf(measured: M): number;
  /** Told how many of the plans of least sum have been found. */
  onFound?(found: number): void;
}

/**
 * Looks for the plan of least measured loss where sums of scores, which take layers for independent, cannot tell plans
 * apart: measures the `count` plans of least sum and the greedy plan, then again and again the `count` plans of least sum
 * that differ from the best one in one or two groups of layers and have not been measured, as long as that finds a
 * better one. All measured plans, in that order; the first is that of `makePlan`.
 * @throws DyadError as `makePlan`; (usage) for a count below 1.
 */
export async function refinePlan<M>(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions,
  { count, measure, lossOf, onFound }: Refining<M>,
): Promise<{ measured: MeasuredPlan<M>[]; chosen: number }> {
  if (!Number.isInteger(count) || count < 1) {
    throw usageError(`cannot find the ${count} best plans; ask for at least 1`);
  }
  const problem = makeProblem(sensitivity, latency, options);
  const integers = selectionProblem(problem);
  const best = await bestSelections(integers, count, onFound);
  if (best.length === 0) throw await infeasibleError(problem);
  const { objective: bound, ...optimum } = optimalPlan(problem, best[0]);

  const selections: Selection[] = [];
  const measured: MeasuredPlan<M>[] = [];
  const isKnown = (selection: Selection): boolean => selections.some((known) => isEqual(known, selection));
  let chosen = 0;
  const add = async (origin: PlanOrigin, more: readonly Selection[]): Promise<void> => {
    const plans = more.map((selection) => {
      if (isEqual(selection, best[0])) return { ...optimum, objective: bound };
      const plan = planOf(problem, selection);
      return { ...plan, bound, gap: plan.objective === bound ? 0 : (plan.objective - bound) / plan.objective };
    });
    const found = await measure(plans);
    plans.forEach((plan, i) => {
      selections.push(more[i]);
      measured.push({ plan, origin, measured: found[i] });
      if (lossOf(found[i]) < lossOf(measured[chosen].measured)) chosen = measured.length - 1;
    });
  };

  await add("sum", best);
  const greedy = greedyFromWidest(problem);
  if (greedy !== undefined && !isKnown(greedy)) await add("greedy", [greedy]);
  for (let before = -1; before !== chosen;) {
    before = chosen;
    const next = nearestSelections(integers, selections[chosen], count, isKnown);
    if (next.length > 0) await add("search", next);
  }
  return { measured, chosen };
}

function isEqual(a: Selection, b: Selection): boolean {
  return a.every((option, g) => option === b[g]);
}
