import fc from "fast-check";
import { type SelectionProblem, sumOver } from "../../../lib/plan/selection.ts";

const SMALL = fc.bigInt({ min: 0n, max: 12n });
/** Large values that agree in all but the last of more digits than a float has. */
const NEARLY_EQUAL = SMALL.map((last) => 123_456_789_012_345_678_900n + last);
/** Magnitudes from 1 to 10^24, as when someone types a penalty into a table of small scores. */
const WIDE = fc.tuple(fc.bigInt({ min: 0n, max: 99n }), fc.integer({ min: 0, max: 22 }))
  .map(([digits, zeros]) => digits * 10n ** BigInt(zeros));

/** Fifteen digits, as a measurement has. */
const MEASURED = fc.bigInt({ min: 0n, max: 10n ** 15n });

/** Problems whose limits are at, just under or just over what some selection uses. */
function problems(number: fc.Arbitrary<bigint>): fc.Arbitrary<SelectionProblem> {
  return fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
    rows: fc.integer({ min: 0, max: 3 }),
  }).chain(({ sizes, rows }) => {
    const table = fc.tuple(...sizes.map((size) => fc.array(number, { minLength: size, maxLength: size })));
    const tables = fc.array(table, { minLength: rows, maxLength: rows });
    const witness = fc.tuple(...sizes.map((size) => fc.integer({ min: 0, max: size - 1 })));
    return fc.tuple(
      table,
      tables,
      witness,
      fc.array(fc.bigInt({ min: -1n, max: 3n }), { minLength: rows, maxLength: rows }),
    );
  }).map(([scores, costs, witness, distances]) => ({
    scores,
    costs,
    // At, just under or just over what some selection uses: where a tolerance would show.
    limits: costs.map((table, r) => sumOver(table, witness) + distances[r]),
  }));
}

/** Random problems by the kind of numbers in them. */
export const PROBLEMS = {
  small: problems(SMALL),
  "nearly equal": problems(NEARLY_EQUAL),
  wide: problems(WIDE),
  measured: problems(MEASURED),
};
