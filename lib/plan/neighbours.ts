import { compareSelections, fits, type Selection, type SelectionProblem } from "./selection.ts";

/** Another option of one group, and what it adds to the sum of scores. */
interface Change {
  readonly group: number;
  readonly option: number;
  readonly rise: bigint;
}

/**
 * Of the selections that fit, are not `isKnown`, and differ from `center` in one or two groups: the `count` first in the
 * order of `compareSelections`; fewer when there are fewer.
 */
export function nearestSelections(
  problem: SelectionProblem,
  center: Selection,
  count: number,
  isKnown: (selection: Selection) => boolean,
): Selection[] {
  const nearest: { readonly selection: Selection; readonly rise: bigint }[] = [];
  const consider = (rise: bigint, ...changes: readonly Change[]): void => {
    if (nearest.length === count && rise > nearest[count - 1].rise) return;
    const selection = center.map((option, g) => changes.find(({ group }) => group === g)?.option ?? option);
    if (!fits(problem, selection) || isKnown(selection)) return;
    const place = nearest.findIndex((other) => compareSelections(problem, selection, other.selection) < 0);
    nearest.splice(place < 0 ? nearest.length : place, 0, { selection, rise });
    nearest.length = Math.min(nearest.length, count);
  };
  const changes = problem.scores.map((options, group): Change[] =>
    options.flatMap((score, option) =>
      option === center[group] ? [] : [{ group, option, rise: score - options[center[group]] }]
    )
  );
  for (const [group, ofGroup] of changes.entries()) {
    for (const one of ofGroup) {
      consider(one.rise, one);
      for (const others of changes.slice(group + 1)) {
        for (const two of others) consider(one.rise + two.rise, one, two);
      }
    }
  }
  return nearest.map(({ selection }) => selection);
}
