import { usageError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import type { LimitKind, Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { add, type Decimal, decimalOf, formatDecimal, multiply, subtract } from "./decimal.ts";
import { infeasibleError, minimizing } from "./infeasible.ts";
import { parseLimit, roundedUp } from "./limit.ts";
import { makeProblem, type PlanOptions, type Table } from "./make_problem.ts";
import { optimalPlan } from "./plan.ts";
import {
  amountOf,
  bitsOf,
  formatUse,
  freeParameters,
  type PlanLimit,
  type PlanProblem,
  selectionProblem,
} from "./problem.ts";
import { greatestOf, leastSum, type Selection, type SelectionProblem, sumOver } from "./selection.ts";
import { solveSelection } from "./solve.ts";

/**
 * The frontier between the sum of scores and the use of `kind`, the other limits as given: optimal plans by rising use,
 * each with a lower sum of scores than the one before.
 *
 * With a number of `points` (at least 2), that many evenly spaced limits are solved for, from the least that fits to the
 * most that is of use; a limit on `kind` among the options is the highest. With "all", every plan of the frontier is
 * found. Each plan's constraint on `kind` says, as `requested`, the limit under which `makePlan` returns it.
 * `onProgress` is told how much of the sweep is done.
 * @throws DyadError as `makePlan`; (usage) for another number of points.
 */
export async function paretoFrontier(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  kind: LimitKind,
  points: number | "all",
  options: PlanOptions = {},
  onProgress: OnSweep = () => {},
): Promise<Plan[]> {
  if (points !== "all" && !(Number.isInteger(points) && points >= 2)) {
    throw usageError(`a frontier needs at least 2 points, found ${points}`);
  }
  const stated = makeProblem(sensitivity, latency, options);
  if (kind === "latency" && stated.overheadMs === undefined) {
    throw usageError(
      "a frontier over latency needs a latency table; make one with dyad profile and give it as --latency, or sweep something else",
    );
  }
  const cap = stated.limits.find((limit) => limit.kind === kind) ?? widestLimit(stated, kind);
  const capped = withFirstLimit(stated, cap);
  const integers = selectionProblem(capped);
  const highest = await solveSelection(integers);
  if (highest === undefined) throw await infeasibleError(stated);
  const found = points === "all"
    ? await everyPlan(capped, integers, highest, onProgress)
    : await plansAt(capped, await evenLimits(capped, integers, highest, points), onProgress);
  return undominated(found, integers).map(({ problem, selection }) => optimalPlan(problem, selection));
}

export type OnSweep = (done: number, total: number) => void;

interface FoundPlan {
  readonly problem: PlanProblem;
  readonly selection: Selection;
}

/** The swept limit goes first, so that of plans with equal scores the one that uses less of it is chosen. */
function withFirstLimit(problem: PlanProblem, limit: PlanLimit): PlanProblem {
  return { ...problem, limits: [limit, ...problem.limits.filter(({ kind }) => kind !== limit.kind)] };
}

/** A limit that every plan keeps. */
function widestLimit(problem: PlanProblem, kind: LimitKind): PlanLimit {
  const { costs: [table] } = selectionProblem({ ...problem, limits: [{ kind, requested: "0", value: decimalOf(0) }] });
  const greatest = table.map((options) => options.indexOf(greatestOf(options)));
  return exactLimit(problem, kind, amountOf(problem, kind, bitsOf(problem, greatest)));
}

/** The limit that a use is, without the rounding of `formatUse`. */
function exactLimit(problem: PlanProblem, kind: LimitKind, amount: Decimal): PlanLimit {
  const requested = kind === "weight-bits"
    ? roundedUp(amount, decimalOf(Math.max(1, freeParameters(problem))), 15)
    : formatDecimal(amount) + EXACT_UNITS[kind];
  return { kind, requested, value: parseLimit(kind, requested).value };
}

const EXACT_UNITS = { size: "B", bops: "", latency: "ms" };

/** Limits from the least use to that of `highest`, as texts of few digits, and their values. */
async function evenLimits(
  problem: PlanProblem,
  integers: SelectionProblem,
  highest: Selection,
  points: number,
): Promise<PlanLimit[]> {
  const [{ kind }] = problem.limits;
  const lowest = await solveSelection(minimizing(integers, 0));
  if (lowest === undefined) throw new Error("the frontier has an upper end but no lower one");
  const [low, high] = [lowest, highest].map((selection) => amountOf(problem, kind, bitsOf(problem, selection)));
  return Array.from({ length: points }, (_, i) => {
    if (i === points - 1) return problem.limits[0];
    const amount = add(low, multiply(decimalOf(i / (points - 1)), subtract(high, low)));
    const requested = formatUse(problem, kind, amount);
    return { kind, requested, value: parseLimit(kind, requested).value };
  });
}

async function plansAt(
  problem: PlanProblem,
  limits: readonly PlanLimit[],
  onProgress: OnSweep,
): Promise<FoundPlan[]> {
  const found: FoundPlan[] = [];
  for (const [i, limit] of limits.entries()) {
    const limited = withFirstLimit(problem, limit);
    const selection = await solveSelection(selectionProblem(limited));
    if (selection !== undefined) found.push({ problem: limited, selection });
    onProgress(i + 1, limits.length);
  }
  return found;
}

/** Solves again and again for less than what the last plan used, until nothing fits. Progress is in percent of use. */
async function everyPlan(
  problem: PlanProblem,
  integers: SelectionProblem,
  highest: Selection,
  onProgress: OnSweep,
): Promise<FoundPlan[]> {
  const found: FoundPlan[] = [];
  const [uses] = integers.costs;
  const most = sumOver(uses, highest);
  const range = most - leastSum(uses);
  let selection: Selection | undefined = highest;
  while (selection !== undefined) {
    const [{ kind }] = problem.limits;
    const amount = amountOf(problem, kind, bitsOf(problem, selection));
    found.unshift({ problem: withFirstLimit(problem, exactLimit(problem, kind, amount)), selection });
    const use = sumOver(uses, selection);
    if (range > 0n) onProgress(Number(100n * (most - use) / range), 100);
    const below = use - 1n;
    selection = await solveSelection({ ...integers, limits: [below, ...integers.limits.slice(1)] });
  }
  return found;
}

/** Of plans by rising use, those with a lower score than every plan that uses no more. */
function undominated(found: readonly FoundPlan[], { scores }: SelectionProblem): FoundPlan[] {
  const kept: FoundPlan[] = [];
  for (const plan of found) {
    const last = kept.at(-1);
    if (last === undefined || sumOver(scores, plan.selection) < sumOver(scores, last.selection)) kept.push(plan);
  }
  return kept;
}
