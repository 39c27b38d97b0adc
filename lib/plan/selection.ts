/**
 * The multiple-choice knapsack that a plan is, in integers: choose one option i_g of every group g so that
 *
 *     sum_g scores[g][i_g]  is least,   sum_g costs[r][g][i_g] <= limits[r]  for every row r
 *
 * Integers of any size make comparisons exact; scores and costs are not negative.
 */
export interface SelectionProblem {
  readonly scores: readonly (readonly bigint[])[];
  readonly costs: readonly (readonly (readonly bigint[])[])[];
  readonly limits: readonly bigint[];
}

/** The index of the chosen option of every group. */
export type Selection = readonly number[];

export function sumOver(table: readonly (readonly bigint[])[], selection: Selection): bigint {
  let sum = 0n;
  for (let g = 0; g < selection.length; g++) sum += table[g][selection[g]];
  return sum;
}

export function fits(problem: SelectionProblem, selection: Selection): boolean {
  return exceededLimits(problem, selection).length === 0;
}

/** The rows whose limit the selection exceeds. */
export function exceededLimits({ costs, limits }: SelectionProblem, selection: Selection): number[] {
  return limits.flatMap((limit, r) => sumOver(costs[r], selection) > limit ? [r] : []);
}

/**
 * Negative when `a` is better: lower score, then less use of the rows in their order, then the earlier option in the
 * first group that differs. 0 only for equal selections.
 */
export function compareSelections({ scores, costs }: SelectionProblem, a: Selection, b: Selection): number {
  for (const table of [scores, ...costs]) {
    const [left, right] = [sumOver(table, a), sumOver(table, b)];
    if (left !== right) return left < right ? -1 : 1;
  }
  const g = a.findIndex((option, i) => option !== b[i]);
  return g < 0 ? 0 : a[g] - b[g];
}

export function leastOf(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => b < a ? b : a);
}

export function greatestOf(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => b > a ? b : a);
}

/** The least sum that any selection has, limits aside. */
export function leastSum(table: readonly (readonly bigint[])[]): bigint {
  return table.reduce((sum, options) => sum + leastOf(options), 0n);
}

/** The options with the least entries, limits aside. */
export function leastSelection(table: readonly (readonly bigint[])[]): Selection {
  return table.map((options) => options.indexOf(leastOf(options)));
}
