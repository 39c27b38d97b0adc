import assert from "node:assert/strict";
import fc from "fast-check";
import { candidateName, type LimitKind, parseCandidateName } from "../../../lib/format/plan.ts";
import { greedyPlan, greedySelection } from "../../../lib/plan/greedy.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { exceededLimits, fits, greatestOf, sumOver } from "../../../lib/plan/selection.ts";
import { bruteForce } from "./brute_force.ts";
import { PROBLEMS } from "./selection_problems.ts";
import { NETWORK, tables } from "./tables.ts";

const { sensitivity, latency } = tables(NETWORK, 0.25);

async function bits(limits: Partial<Record<LimitKind, string>>): Promise<string> {
  const { layers, method } = await greedyPlan(sensitivity, latency, { limits });
  assert.equal(method, "greedy");
  return layers.map(candidateName).join(" ");
}

Deno.test("greedy steps go where a unit of the limit costs least", async () => {
  assert.equal(await bits({}), "8/8 8/8 8/8 8/8");
  // 1 byte too many: what fc costs at 4/8 is the least. 1051: the block with its shortcut, 1050 for 0.57, goes before
  // fc, 500 for 0.299.
  assert.equal(await bits({ size: "3499B" }), "8/8 8/8 8/8 4/8");
  assert.equal(await bits({ size: "2450B" }), "8/8 4/4 4/4 8/8");
  assert.equal(await bits({ size: "2449B" }), "8/8 4/4 4/4 4/8");
});

Deno.test("of candidates of as many bits, integers and codes, greedy steps begin at the one of the least score", async () => {
  const candidates = [["4/8", 3], ["codes4/8", 1], ["codes2/8", 5]].map(([name, score]) => ({
    ...parseCandidateName(String(name))!,
    scores: { score: Number(score) },
  }));
  const layers = ["a", "b"].map((name) => ({ name, parameters: 8, macs: 8, candidates }));
  const plan = async (limits: Partial<Record<LimitKind, string>>): Promise<string> => {
    const { layers: planned } = await greedyPlan({ metric: "score", layers }, undefined, { limits });
    return planned.map(candidateName).join(" ");
  };
  assert.equal(await plan({}), "codes4/8 codes4/8");
  assert.equal(await plan({ "weight-bits": "3" }), "codes2/8 codes4/8");
});

Deno.test("what exceeds a limit counts, not what is saved beyond it", () => {
  // The first step of 10 for 10 is no better than that of 4 for 5 where only 4 are wanted.
  const problem = { scores: [[0n, 10n], [0n, 5n]], costs: [[[10n, 0n], [10n, 6n]]], limits: [16n] };
  assert.deepEqual(greedySelection(problem, [0, 0]), [0, 1]);
});

Deno.test("with two limits a step may lower one and raise another that has room", () => {
  const problem = {
    scores: [[0n, 1n, 9n]],
    costs: [[[10n, 0n, 0n]], [[0n, 5n, 2n]]],
    limits: [5n, 4n],
  };
  assert.deepEqual(greedySelection(problem, [0]), [2]);
});

Deno.test("greedy selections fit, and end where no single step helps", () => {
  for (const problems of Object.values(PROBLEMS)) {
    fc.assert(
      fc.property(problems, (problem) => {
        const start = problem.scores.map((_, g) => {
          const uses = problem.scores[g].map((_, i) => problem.costs.reduce((sum, table) => sum + table[g][i], 0n));
          return uses.indexOf(greatestOf(uses));
        });
        const found = greedySelection(problem, start);
        const [best] = bruteForce(problem);
        if (found === undefined) return;
        assert.ok(fits(problem, found));
        assert.ok(sumOver(problem.scores, found) >= sumOver(problem.scores, best));
        if (exceededLimits(problem, start).length === 0) assert.deepEqual(found, start);
      }),
      { numRuns: 60 },
    );
  }
});

Deno.test("greedy: no better than the optimum, and never infeasible under one limit that can be met", async () => {
  for (const size of ["3000B", "2500B", "2000B", "1600B", "1425B"]) {
    const [greedy, { plan }] = await Promise.all([
      greedyPlan(sensitivity, latency, { limits: { size } }),
      makePlan(sensitivity, latency, { limits: { size } }),
    ]);
    assert.ok(greedy.objective! >= plan.objective!, size);
    assert.ok(greedy.constraints[0].used <= greedy.constraints[0].limit);
  }
  await assert.rejects(greedyPlan(sensitivity, latency, { limits: { size: "1B" } }), {
    kind: "infeasible",
    message: /the smallest that fits is/,
  });
});

Deno.test("steps that end although a plan exists say so", async () => {
  // At 4/4 the first layer is small enough but slow, which only pays when the second is fast.
  const small = tables([
    { name: "large", parameters: 100, macs: 1, candidates: { "8/8": [0, 1], "4/4": [1, 6] } },
    { name: "slow", parameters: 0, macs: 1, candidates: { "8/8": [0, 6], "4/4": [1, 1] } },
  ]);
  const options = { limits: { size: "90B", latency: "7ms" } };
  const { plan } = await makePlan(small.sensitivity, small.latency, options);
  assert.equal(plan.layers.map(candidateName).join(), "4/4,4/4");
  await assert.rejects(greedyPlan(small.sensitivity, small.latency, options), {
    kind: "infeasible",
    message: /although a plan that fits exists/,
  });
});
