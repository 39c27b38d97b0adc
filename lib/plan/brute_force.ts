import { compareSelections, fits, type Selection, type SelectionProblem } from "./selection.ts";

const SELECTIONS_MAX = 1_000_000;

/**
 * The best selection by trying all: the definition that `solveSelection` must equal. Undefined when none fits.
 * @throws RangeError for more than a million selections.
 */
export function bruteForce(problem: SelectionProblem): Selection | undefined {
  const sizes = problem.scores.map((options) => options.length);
  const count = sizes.reduce((a, b) => a * b, 1);
  if (count > SELECTIONS_MAX) throw new RangeError(`${count} selections are too many to try`);
  let best: Selection | undefined;
  for (let n = 0; n < count; n++) {
    let rest = n;
    const selection = sizes.map((size) => {
      const option = rest % size;
      rest = Math.floor(rest / size);
      return option;
    });
    if (fits(problem, selection) && (best === undefined || compareSelections(problem, selection, best) < 0)) {
      best = selection;
    }
  }
  return best;
}
