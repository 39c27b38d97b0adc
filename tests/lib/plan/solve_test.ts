import assert from "node:assert/strict";
import fc from "fast-check";
import { fits, type SelectionProblem, sumOver } from "../../../lib/plan/selection.ts";
import { solveSelection } from "../../../lib/plan/solve.ts";
import { bruteForce } from "./brute_force.ts";
import { PROBLEMS } from "./selection_problems.ts";

async function equalsBruteForce(problem: SelectionProblem): Promise<void> {
  const [expected] = bruteForce(problem);
  const found = await solveSelection(problem);
  if (expected === undefined || found === undefined) return assert.deepEqual(found, expected);
  assert.ok(fits(problem, found));
  assert.equal(sumOver(problem.scores, found), sumOver(problem.scores, expected));
}

for (const [name, problems] of Object.entries(PROBLEMS)) {
  Deno.test(`HiGHS equals brute force: ${name} numbers`, async () => {
    await fc.assert(fc.asyncProperty(problems, equalsBruteForce), { numRuns: 120 });
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
  assert.deepEqual(await solveSelection(problem), bruteForce(problem)[0]);
});
