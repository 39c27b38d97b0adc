import { usageError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import type { Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { type Random, seededRandom } from "../tensor/random.ts";
import { infeasibleError } from "./infeasible.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { planOf } from "./plan.ts";
import { selectionProblem, ZERO } from "./problem.ts";
import { greatestOf, leastSelection, leastSum, type Selection, type SelectionProblem, sumOver } from "./selection.ts";
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
  checkCount(count);
  const problem = makeProblem(sensitivity, latency, options);
  const integers = selectionProblem(problem);
  const start = await solveSelection(cheapest(integers));
  if (start === undefined) throw await infeasibleError(problem);
  const random = seededRandom(seed);
  const drawn = drawDifferent(count, () => drawSelection(integers, start, random));
  return drawn.map((selection) => ({ method: "random", ...planOf(problem, selection) }));
}

/**
 * Up to `count` different random plans whose costs spread evenly from the least to the greatest: the i-th fills a limit
 * on BOPS that is drawn from the i-th of `count` equal parts of the range. Equal seeds give equal plans; fewer come back
 * when few exist. Limits among the options have no meaning here.
 * @throws DyadError (input, usage) as `makePlan`.
 */
export function spreadPlans(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  { seed, count, ...options }: PlanOptions & { readonly seed: number; readonly count: number },
): Plan[] {
  checkCount(count);
  const problem = makeProblem(sensitivity, latency, { ...options, limits: {} });
  const { scores, costs } = selectionProblem({
    ...problem,
    limits: [{ kind: "bops", requested: "", value: ZERO }],
  });
  const low = leastSum(costs[0]);
  const high = costs[0].reduce((sum, options) => sum + greatestOf(options), 0n);
  const start = leastSelection(costs[0]);
  const random = seededRandom(seed);
  const drawn = drawDifferent(count, (i) => {
    const parts = BigInt(count) << BigInt(FRACTION_BITS);
    const limit = low + (high - low) * ((BigInt(i) << BigInt(FRACTION_BITS)) + BigInt(random.uint32())) / parts;
    return drawSelection({ scores, costs, limits: [limit] }, start, random);
  });
  return drawn.map((selection) => ({ method: "random", ...planOf(problem, selection) }));
}

/** Of a part of the range: those of a random word. */
const FRACTION_BITS = 32;

function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1) throw usageError(`cannot draw ${count} random plans; ask for at least 1`);
}

/** Up to `count` different selections; what was drawn before is drawn again, and given up in the end. */
function drawDifferent(count: number, draw: (i: number) => Selection): Selection[] {
  const found = new Map<string, Selection>();
  for (let i = 0; i < count; i++) {
    const before = found.size;
    for (let attempt = 0; attempt < ATTEMPTS_PER_PLAN && found.size === before; attempt++) {
      const selection = draw(i);
      found.set(selection.join(), selection);
    }
  }
  return [...found.values()];
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
