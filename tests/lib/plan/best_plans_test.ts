import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeArtefact } from "../../../lib/format/artefact.ts";
import { candidateName } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { bestPlans } from "../../../lib/plan/best_plans.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { fits, sumOver } from "../../../lib/plan/selection.ts";
import { bestSelections } from "../../../lib/plan/solve.ts";
import { bruteForce } from "./brute_force.ts";
import { readHawq } from "./hawq_tables.ts";
import { PROBLEMS } from "./selection_problems.ts";
import { NETWORK, tables } from "./tables.ts";

const COUNT = 6;

for (const [name, problems] of Object.entries(PROBLEMS)) {
  Deno.test(`the best selections equal brute force: ${name} numbers`, async () => {
    await fc.assert(
      fc.asyncProperty(problems, async (problem) => {
        const found = await bestSelections(problem, COUNT);
        const expected = bruteForce(problem).slice(0, COUNT);
        assert.ok(found.every((selection) => fits(problem, selection)));
        assert.equal(new Set(found.map(String)).size, found.length, "a selection twice");
        // Selections of equal score beyond the solver's sixteen may come in another order; scores may not.
        const scores = (selections: typeof found) => selections.map((each) => sumOver(problem.scores, each));
        assert.deepEqual(scores(found), scores(expected));
      }),
      { numRuns: 25 },
    );
  });
}

Deno.test("of equal scores all come, in the order of the definition", async () => {
  const problem = { scores: [[5n, 5n, 5n], [7n, 7n, 9n]], costs: [[[3n, 2n, 2n], [1n, 1n, 0n]]], limits: [4n] };
  assert.deepEqual(await bestSelections(problem, 100), bruteForce(problem));
});

Deno.test("the best plans of a network: the first is the optimal plan, all are within the limits, none comes twice", async () => {
  const sensitivity = decodeArtefact(SensitivityCodec, readHawq("resnet18.sensitivity.json"), "sensitivity");
  const limits = { size: "75%", bops: "60%" };
  const plans = await bestPlans(sensitivity, undefined, { limits }, 12);
  const { plan } = await makePlan(sensitivity, undefined, { limits });
  assert.deepEqual(plans[0], plan);
  assert.equal(new Set(plans.map(({ layers }) => layers.map(candidateName).join())).size, 12);
  for (const [i, { objective, bound, gap, constraints }] of plans.entries()) {
    assert.ok(i === 0 || objective! >= plans[i - 1].objective!);
    assert.equal(bound, plan.objective);
    assert.equal(gap, i === 0 ? 0 : (objective! - bound!) / objective!);
    for (const { used, limit } of constraints) assert.ok(used <= limit);
  }
  assert.deepEqual(await bestPlans(sensitivity, undefined, { limits }, 12), plans);
});

Deno.test("fewer plans than asked for, and none", async () => {
  const { sensitivity, latency } = tables(NETWORK);
  assert.equal((await bestPlans(sensitivity, latency, {}, 100)).length, 3 * 3);
  await assert.rejects(bestPlans(sensitivity, latency, { limits: { size: "1B" } }, 3), { kind: "infeasible" });
  await assert.rejects(bestPlans(sensitivity, latency, {}, 0), { kind: "usage" });
});
