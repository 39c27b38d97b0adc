import { DyadError } from "../format/error.ts";
import type { LimitKind } from "../format/plan.ts";
import { formatAmount, formatPercent } from "./limit.ts";
import {
  amountOf,
  bitsOf,
  formatUse,
  measuredAmount,
  type PlanLimit,
  type PlanProblem,
  referenceBits,
  selectionProblem,
} from "./problem.ts";
import { leastSelection, leastSum, type Selection, type SelectionProblem, sumOver } from "./selection.ts";
import { solveSelection } from "./solve.ts";

/** The problem of using the least of row r within the other limits. */
export function minimizing({ costs, limits }: SelectionProblem, r: number): SelectionProblem {
  return { scores: costs[r], costs: costs.filter((_, i) => i !== r), limits: limits.filter((_, i) => i !== r) };
}

/**
 * The error for a problem that no plan fits: for each limit, the smallest value that would do with the others as they
 * are, rounded up so that it does.
 */
export async function infeasibleError(problem: PlanProblem): Promise<DyadError> {
  const integers = selectionProblem(problem);
  const lines: string[] = [];
  for (const [r, limit] of problem.limits.entries()) {
    const table = integers.costs[r];
    const format = (selection: Selection): string => formatLeast(problem, limit.kind, selection);
    const alone = leastSelection(table);
    const together = await solveSelection(minimizing(integers, r));
    let finding: string;
    if (leastSum(table) <= integers.limits[r]) {
      finding = together === undefined
        ? "can be met, but the other limits cannot"
        : `can be met alone; with the other limits the smallest that fits is ${format(together)}`;
    } else if (together === undefined) {
      finding = `the smallest of any plan is ${format(alone)}, and the other limits cannot be met either`;
    } else if (sumOver(table, together) === sumOver(table, alone)) {
      finding = `the smallest that fits is ${format(alone)}`;
    } else {
      finding = `the smallest of any plan is ${format(alone)}, with the other limits ${format(together)}`;
    }
    lines.push(`${formatLimit(limit)}: ${finding}`);
  }
  const message = lines.length === 1
    ? `no plan fits ${lines[0]}; allow that much, or add smaller candidates`
    : `no plan fits the limits\n  ${lines.join("\n  ")}`;
  return new DyadError("infeasible", message);
}

/** The limit as it was asked for, and what that comes to. */
function formatLimit({ kind, requested, value }: PlanLimit): string {
  const amount = formatAmount(kind, value);
  return `${kind} ${requested}${requested === amount ? "" : ` (${amount})`}`;
}

function formatLeast(problem: PlanProblem, kind: LimitKind, selection: Selection): string {
  const amount = amountOf(problem, kind, bitsOf(problem, selection));
  const all8 = kind === "weight-bits" ? undefined : measuredAmount(problem, kind, referenceBits(problem, 8));
  const percent = all8 === undefined || all8.coefficient === 0n ? "" : ` (${formatPercent(amount, all8)} of all-8-bit)`;
  return formatUse(problem, kind, amount) + percent;
}
