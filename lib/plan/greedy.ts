import { DyadError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import type { Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import type { Group } from "./group.ts";
import { infeasibleError } from "./infeasible.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { planOf } from "./plan.ts";
import { type PlanProblem, selectionProblem } from "./problem.ts";
import { greatestOf, leastSum, type Selection, type SelectionProblem, sumOver } from "./selection.ts";
import { solveSelection } from "./solve.ts";

/**
 * The plan that a simple rule finds, to compare an optimal one with. From the widest candidate of every layer it takes,
 * until all limits hold, the step to another candidate of one layer that costs
 *
 *     least (rise of the sum of scores) / (fall of the excess over the limits)
 *
 * where the excess is the sum over the limits of what exceeds each, counted in parts of the range from its least to its
 * greatest use. It is the efficiency rule of the multiple-choice knapsack (Sinha and Zoltners, Operations Research 27,
 * 1979), known in bit allocation as marginal returns (Shoham and Gersho, IEEE Trans. ASSP 36, 1988), with several limits
 * made one as by Toyoda (Management Science 21, 1975).
 * @throws DyadError (infeasible) when no plan fits, or when the steps end before one does; (input, usage) as `makePlan`.
 */
export async function greedyPlan(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions = {},
): Promise<Plan> {
  const problem = makeProblem(sensitivity, latency, options);
  const selection = greedyFromWidest(problem);
  if (selection !== undefined) return { method: "greedy", ...planOf(problem, selection) };
  if (await solveSelection(selectionProblem(problem)) === undefined) throw await infeasibleError(problem);
  throw new DyadError(
    "infeasible",
    "the greedy steps end before all limits hold, although a plan that fits exists; leave --greedy out to get the best",
  );
}

/** The selection of `greedyPlan`; undefined when the steps end before all limits hold. */
export function greedyFromWidest(problem: PlanProblem): Selection | undefined {
  const integers = selectionProblem(problem);
  return greedySelection(integers, problem.groups.map(({ candidates }, g) => widest(candidates, integers.scores[g])));
}

/** The index of the candidate of most weight bits, of those of most activation bits, of those of the least score. */
function widest(candidates: Group["candidates"], scores: readonly bigint[]): number {
  return candidates.reduce((best, { weightBits, activationBits }, i) => {
    const wider = weightBits - candidates[best].weightBits || activationBits - candidates[best].activationBits;
    return wider > 0 || (wider === 0 && scores[i] < scores[best]) ? i : best;
  }, 0);
}

interface Step {
  readonly group: number;
  readonly option: number;
  readonly rise: bigint;
  /** Positive. */
  readonly fall: bigint;
}

/** Undefined when no step comes nearer to the limits; of equal steps the earlier group's earlier option is taken. */
export function greedySelection(problem: SelectionProblem, start: Selection): Selection | undefined {
  const { scores, costs, limits } = problem;
  const weights = rowWeights(costs);
  const selection = [...start];
  const used = costs.map((table) => sumOver(table, start));
  const excess = (r: number, use: bigint): bigint => use > limits[r] ? use - limits[r] : 0n;
  while (used.some((use, r) => use > limits[r])) {
    let best: Step | undefined;
    for (const [group, options] of scores.entries()) {
      const current = selection[group];
      for (const option of options.keys()) {
        const fall = costs.reduce((sum, table, r) => {
          const after = used[r] + table[group][option] - table[group][current];
          return sum + weights[r] * (excess(r, used[r]) - excess(r, after));
        }, 0n);
        const rise = options[option] - options[current];
        if (fall > 0n && (best === undefined || rise * best.fall < best.rise * fall)) {
          best = { group, option, rise, fall };
        }
      }
    }
    if (best === undefined) return undefined;
    const { group, option } = best;
    costs.forEach((table, r) => used[r] += table[group][option] - table[group][selection[group]]);
    selection[group] = option;
  }
  return selection;
}

/** Integers in proportion to 1 / range of every row, so that rows of different units can be added. */
function rowWeights(costs: SelectionProblem["costs"]): bigint[] {
  const ranges = costs.map((table) => {
    const range = table.reduce((sum, options) => sum + greatestOf(options), 0n) - leastSum(table);
    return range > 0n ? range : 1n;
  });
  const product = ranges.reduce((a, b) => a * b, 1n);
  return ranges.map((range) => product / range);
}
