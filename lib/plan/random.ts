import { usageError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import type { Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { type Random, seededRandom } from "../tensor/random.ts";
import { infeasibleError } from "./infeasible.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { planOf } from "./plan.ts";
import { selectionProblem } from "./problem.ts";
import { leastSum, type Selection, type SelectionProblem, sumOver } from "./selection.ts";
import { solveSelection } from "./solve.ts";

const ATTEMPTS_PER_PLAN = 20;

/**
 * Up to `count` different plans drawn at random that keep the limits and use them well, to compare an optimal plan with:
 * the layers, in random order, each get a random candidate that still fits, then, again in random order, a random one of
 * those that cost more and fit, until none does. Equal seeds give equal plans. Fewer come back when few exist.
 * @throws DyadError as `makePlan`.
 */
export async function randomPlans(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  { seed, count, ...options }: PlanOptions & { readonly seed: number; readonly count: number },
): Promise<Plan[]> {
  if (!Number.isInteger(count) || count < 1) throw usageError(`cannot draw ${count} random plans; ask for at least 1`);
  const problem = makeProblem(sensitivity, latency, options);
  const integers = selectionProblem(problem);
  const start = await solveSelection(cheapest(integers));
  if (start === undefined) throw await infeasibleError(problem);
  const random = seededRandom(seed);
  const found = new Map<string, Selection>();
  for (let attempt = 0; attempt < count * ATTEMPTS_PER_PLAN && found.size < count; attempt++) {
    const selection = drawSelection(integers, start, random);
    found.set(selection.join(), selection);
  }
  return [...found.values()].map((selection) => ({ method: "random", ...planOf(problem, selection) }));
}

/**
 * A problem whose answer leaves room in all rows: the sum of what is used of each beyond the least, each row counted in
 * parts of its own room.
 */
function cheapest({ scores, costs, limits }: SelectionProblem): SelectionProblem {
  const rooms = costs.map((table, r) => limits[r] - leastSum(table)).map((room) => room > 0n ? room : 1n);
  const product = rooms.reduce((a, b) => a * b, 1n);
  const sums = scores.map((options, g) =>
    options.map((_, i) => costs.reduce((sum, table, r) => sum + table[g][i] * (product / rooms[r]), 0n))
  );
  return { scores: sums, costs, limits };
}

function drawSelection({ scores, costs, limits }: SelectionProblem, start: Selection, random: Random): Selection {
  const selection = [...start];
  const used = costs.map((table) => sumOver(table, start));
  const change = (g: number, isWanted: (option: number) => boolean): boolean => {
    const options = scores[g].flatMap((_, option) => {
      const isWithin = costs.every((table, r) => used[r] + table[g][option] - table[g][selection[g]] <= limits[r]);
      return isWithin && isWanted(option) ? [option] : [];
    });
    if (options.length === 0) return false;
    const option = options[random.integer(0, options.length - 1)];
    costs.forEach((table, r) => used[r] += table[g][option] - table[g][selection[g]]);
    selection[g] = option;
    return true;
  };
  const costsMore = (g: number) => (option: number): boolean =>
    costs.some((table) => table[g][option] > table[g][selection[g]]) &&
    costs.every((table) => table[g][option] >= table[g][selection[g]]);
  for (const g of random.permutation(selection.length)) change(g, () => true);
  for (let changed = true; changed;) {
    changed = false;
    for (const g of random.permutation(selection.length)) changed = change(g, costsMore(g)) || changed;
  }
  return selection;
}
