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
  /** Whether a plan loses so much less than another that it is no accident of the samples. */
  isBetter(measured: M, than: M): boolean;
  /** Told how many of the plans of least sum have been found. */
  onFound?(found: number): void;
}

/**
 * Looks for a plan of less measured loss where sums of scores, which take layers for independent, cannot tell plans apart:
 * measures the `count` plans of least sum and the greedy plan, then again and again the `count` plans of least sum that
 * differ from the one of least loss in one or two groups of layers and have not been measured, as long as that finds one
 * of less loss. Chosen is, of the plans that are better than the optimal one, that of least loss; the optimal plan where
 * none is. All measured plans, in that order; the first is that of `makePlan`.
 * @throws DyadError as `makePlan`; (usage) for a count below 1.
 */
export async function refinePlan<M>(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions,
  { count, measure, lossOf, isBetter, onFound }: Refining<M>,
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
  const lossAt = (i: number): number => lossOf(measured[i].measured);
  let least = 0;
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
    });
    for (const each of measured.keys()) if (lossAt(each) < lossAt(least)) least = each;
  };

  await add("sum", best);
  const greedy = greedyFromWidest(problem);
  if (greedy !== undefined && !isKnown(greedy)) await add("greedy", [greedy]);
  for (let before = -1; before !== least;) {
    before = least;
    const next = nearestSelections(integers, selections[least], count, isKnown);
    if (next.length > 0) await add("search", next);
  }
  const [optimal] = measured;
  const better = Array.from(measured.keys()).filter((i) => isBetter(measured[i].measured, optimal.measured));
  const chosen = better.reduce((best, i) => lossAt(i) < lossAt(best) ? i : best, better[0] ?? 0);
  return { measured, chosen };
}

function isEqual(a: Selection, b: Selection): boolean {
  return a.every((option, g) => option === b[g]);
}
