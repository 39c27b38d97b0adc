import assert from "node:assert/strict";
import fc from "fast-check";
import { bruteForce } from "../../../lib/plan/brute_force.ts";
import { fits, type SelectionProblem, sumOver } from "../../../lib/plan/selection.ts";
import { solveSelection } from "../../../lib/plan/solve.ts";

const SMALL = fc.bigInt({ min: 0n, max: 12n });
/** Large values that agree in all but the last of more digits than a float has. */
const NEARLY_EQUAL = SMALL.map((last) => 123_456_789_012_345_678_900n + last);
/** Magnitudes from 1 to 10^24, as when someone types a penalty into a table of small scores. */
const WIDE = fc.tuple(fc.bigInt({ min: 0n, max: 99n }), fc.integer({ min: 0, max: 22 }))
  .map(([digits, zeros]) => digits * 10n ** BigInt(zeros));

/** Fifteen digits, as a measurement has. */
const MEASURED = fc.bigInt({ min: 0n, max: 10n ** 15n });

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

async function equalsBruteForce(problem: SelectionProblem): Promise<void> {
  const expected = bruteForce(problem);
  const found = await solveSelection(problem);
  if (expected === undefined || found === undefined) return assert.deepEqual(found, expected);
  assert.ok(fits(problem, found));
  assert.equal(sumOver(problem.scores, found), sumOver(problem.scores, expected));
}

for (
  const [name, number] of Object.entries({ small: SMALL, "nearly equal": NEARLY_EQUAL, wide: WIDE, measured: MEASURED })
) {
  Deno.test(`HiGHS equals brute force: ${name} numbers`, async () => {
    await fc.assert(fc.asyncProperty(problems(number), equalsBruteForce), { numRuns: 120 });
  });
}

Deno.test("of equal scores the lower use wins, then the earlier option", async () => {
  const scores = [[5n, 5n, 5n], [7n, 7n]];
  const costs = [[[3n, 2n, 2n], [1n, 1n]], [[0n, 4n, 4n], [2n, 1n]]];
  assert.deepEqual(await solveSelection({ scores, costs, limits: [9n, 9n] }), [1, 1]);
  assert.deepEqual(await solveSelection({ scores, costs, limits: [9n, 4n] }), [0, 1]);
});

Deno.test("a group more expensive than anything else does not hide the rest", async () => {
  const scores = [[10n ** 30n, 0n], [3n, 1n], [2n, 1n]];
  const costs = [[[0n, 10n ** 18n], [0n, 2n], [0n, 1n]]];
  assert.deepEqual(await solveSelection({ scores, costs, limits: [10n ** 18n + 2n] }), [1, 1, 0]);
  assert.deepEqual(await solveSelection({ scores, costs, limits: [10n ** 18n - 1n] }), [0, 1, 1]);
});

Deno.test("overshoots within the solver's tolerance are cut off", async () => {
  // Six groups whose option without score costs one part in 10^17 of the limit: only three of them fit.
  const groups = Array.from({ length: 6 }, (_, g) => BigInt(g));
  await equalsBruteForce({
    scores: [[0n, 10n ** 3n], ...groups.map((g) => [1n + g, 0n])],
    costs: [[[10n ** 17n, 0n], ...groups.map(() => [0n, 1n])]],
    limits: [10n ** 17n + 3n],
  });
});

Deno.test("a feasible program that HiGHS's presolve finds infeasible", async () => {
  const scores = [[0n, 0n], [0n, 0n], [0n, 0n], [0n, 1n]];
  const costs = [
    [[810_000_000n, 300_000_000n], [0n, 0n], [0n, 81_000_000n], [430_000_000n, 1n]],
    [[0n, 0n], [1n, 0n], [1_000_000n, 0n], [10_000_000n, 0n]],
  ];
  const problem = { scores, costs, limits: [810_999_999n, 10_000_000n] };
  assert.deepEqual(await solveSelection(problem), bruteForce(problem));
});
