import { compareSelections, fits, type Selection, type SelectionProblem } from "../../../lib/plan/selection.ts";

const SELECTIONS_MAX = 1_000_000;

/**
 * All selections that fit, the best first: the definition that `solveSelection` and `bestSelections` must equal.
 * @throws RangeError for more than a million selections.
 */
export function bruteForce(problem: SelectionProblem): Selection[] {
  const sizes = problem.scores.map((options) => options.length);
  const count = sizes.reduce((a, b) => a * b, 1);
  if (count > SELECTIONS_MAX) throw new RangeError(`${count} selections are too many to try`);
  const fitting: Selection[] = [];
  for (let n = 0; n < count; n++) {
    let rest = n;
    const selection = sizes.map((size) => {
      const option = rest % size;
      rest = Math.floor(rest / size);
      return option;
    });
    if (fits(problem, selection)) fitting.push(selection);
  }
  return fitting.sort((a, b) => compareSelections(problem, a, b));
}
