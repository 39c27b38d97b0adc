import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeArtefact } from "../../../lib/format/artefact.ts";
import { candidateName, type Plan } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { greedyPlan } from "../../../lib/plan/greedy.ts";
import { nearestSelections } from "../../../lib/plan/neighbours.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { refinePlan } from "../../../lib/plan/refine.ts";
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

  Deno.test(`the nearest selections equal brute force: ${name} numbers`, () => {
    fc.assert(
      fc.property(problems, fc.nat(), fc.integer({ min: 1, max: 8 }), (problem, at, count) => {
        const all = bruteForce(problem);
        fc.pre(all.length > 0);
        const center = all[at % all.length];
        const isKnown = (selection: readonly number[]): boolean => selection.at(-1) === 1;
        const expected = all.filter((selection) => {
          const differing = selection.filter((option, g) => option !== center[g]).length;
          return differing >= 1 && differing <= 2 && !isKnown(selection);
        });
        assert.deepEqual(nearestSelections(problem, center, count, isKnown), expected.slice(0, count));
      }),
    );
  });
}

Deno.test("of equal scores all come, in the order of the definition", async () => {
  const problem = { scores: [[5n, 5n, 5n], [7n, 7n, 9n]], costs: [[[3n, 2n, 2n], [1n, 1n, 0n]]], limits: [4n] };
  assert.deepEqual(await bestSelections(problem, 100), bruteForce(problem));
});

const sensitivity = decodeArtefact(SensitivityCodec, readHawq("resnet18.sensitivity.json"), "sensitivity");
const limits = { size: "75%", bops: "60%" };
const bitsOf = ({ layers }: Plan): string => layers.map(candidateName).join();

/** Refines with losses by `lossOf`. */
async function refined(lossOf: (plan: Plan) => number, count = COUNT, noise = 0) {
  const batches: number[] = [];
  const found = await refinePlan(sensitivity, undefined, { limits }, {
    count,
    measure: (plans) => {
      batches.push(plans.length);
      return Promise.resolve(plans.map(lossOf));
    },
    lossOf: (loss) => loss,
    isBetter: (loss, than) => than - loss > noise,
  });
  return { ...found, batches };
}

Deno.test("the plans of least sum come first, the first is the optimal plan, all are within the limits, none comes twice", async () => {
  const { measured, chosen, batches } = await refined(() => 1, 12);
  const { plan } = await makePlan(sensitivity, undefined, { limits });
  assert.deepEqual(measured[0].plan, plan);
  assert.equal(chosen, 0);
  assert.equal(new Set(measured.map(({ plan }) => bitsOf(plan))).size, measured.length);
  assert.equal(measured.filter(({ origin }) => origin === "sum").length, 12);
  assert.deepEqual(batches.at(-1), 12, "one step of search finds nothing better, and is the last");
  for (const [i, { plan: { objective, bound, gap, constraints }, origin }] of measured.entries()) {
    assert.ok(i === 0 || origin !== "sum" || objective >= measured[i - 1].plan.objective);
    assert.equal(bound, plan.objective);
    assert.equal(gap, i === 0 ? 0 : (objective - bound!) / objective);
    for (const { used, limit } of constraints) assert.ok(used <= limit);
  }
  assert.deepEqual((await refined(() => 1, 12)).measured, measured);
});

Deno.test("the greedy plan is measured, and chosen where it loses least", async () => {
  const greedy = bitsOf(await greedyPlan(sensitivity, undefined, { limits }));
  const { measured, chosen } = await refined((plan) => bitsOf(plan) === greedy ? 0 : 1);
  assert.equal(bitsOf(measured[chosen].plan), greedy);
});

Deno.test("the search follows the measured loss away from the sum, step by step, to where no neighbour is better", async () => {
  // The measured loss wants few bits, the sum many.
  const wanted = (plan: Plan): number => plan.layers.filter(({ weightBits }) => weightBits === 8).length;
  const { measured, chosen } = await refined(wanted);
  const loss = ({ plan }: typeof measured[number]): number => wanted(plan);
  assert.equal(loss(measured[chosen]), Math.min(...measured.map(loss)));
  assert.equal(measured[chosen].origin, "search");
  const bestOfSum = Math.min(...measured.filter(({ origin }) => origin !== "search").map(loss));
  assert.ok(loss(measured[chosen]) < bestOfSum);
});

Deno.test("what is less by no more than the noise is not chosen", async () => {
  const { plan } = await makePlan(sensitivity, undefined, { limits });
  const lossOf = (each: Plan): number => bitsOf(each) === bitsOf(plan) ? 1 : 0.9;
  assert.equal((await refined(lossOf, COUNT, 0.2)).chosen, 0);
  assert.notEqual((await refined(lossOf, COUNT, 0.05)).chosen, 0);
});

Deno.test("fewer plans than asked for, and none", async () => {
  const { sensitivity, latency } = tables(NETWORK);
  const refining = {
    measure: (plans: readonly Plan[]) => Promise.resolve(plans.map(() => 1)),
    lossOf: () => 1,
    isBetter: () => false,
  };
  const { measured } = await refinePlan(sensitivity, latency, {}, { ...refining, count: 100 });
  assert.equal(measured.length, 3 * 3);
  await assert.rejects(refinePlan(sensitivity, latency, { limits: { size: "1B" } }, { ...refining, count: 3 }), {
    kind: "infeasible",
  });
  await assert.rejects(refinePlan(sensitivity, latency, {}, { ...refining, count: 0 }), { kind: "usage" });
});
