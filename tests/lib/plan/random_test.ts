import assert from "node:assert/strict";
import { decodeArtefact } from "../../../lib/format/artefact.ts";
import { LatencyCodec } from "../../../lib/format/latency.ts";
import { candidateName, parseCandidateName } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { randomPlans, spreadPlans } from "../../../lib/plan/random.ts";
import { uniformPlan, uniformReferences } from "../../../lib/plan/uniform.ts";
import { readHawq } from "./hawq_tables.ts";
import { NETWORK, tables } from "./tables.ts";

const sensitivity = decodeArtefact(SensitivityCodec, readHawq("resnet18.sensitivity.json"), "sensitivity");
const latency = decodeArtefact(LatencyCodec, readHawq("resnet18.latency.json"), "latency");

Deno.test("random plans differ, keep all limits, leave no room, and are no better than the optimum", async () => {
  const limits = { size: "75%", latency: "75%" };
  const plans = await randomPlans(sensitivity, latency, { limits, seed: 7, count: 30 });
  const { plan: optimum } = await makePlan(sensitivity, latency, { limits });
  assert.equal(new Set(plans.map(({ layers }) => layers.map(candidateName).join())).size, 30);
  for (const { layers, constraints, objective } of plans) {
    assert.ok(objective! >= optimum.objective!);
    for (const { used, limit } of constraints) assert.ok(used <= limit);
    for (const [i, { name, weightBits }] of layers.entries()) {
      const tie = sensitivity.layers.find(({ tiedTo }) => tiedTo === name || tiedTo && sensitivity.layers[i].tiedTo);
      if (weightBits === 8 || tie !== undefined || sensitivity.layers[i].tiedTo !== undefined) continue;
      const [eight, four] = latency.layers[i].candidates.map(({ ms }) => ms);
      const bytes = constraints[0].used + layers[i].parameters! / 2;
      const ms = constraints[1].used + eight - four;
      assert.ok(bytes > constraints[0].limit || ms > constraints[1].limit, `${name} has room for 8 bits`);
    }
  }
});

Deno.test("equal seeds give equal random plans, others do not", async () => {
  const draw = (seed: number) => randomPlans(sensitivity, latency, { limits: { bops: "60%" }, seed, count: 3 });
  assert.deepEqual(await draw(1), await draw(1));
  assert.notDeepEqual(await draw(1), await draw(2));
});

Deno.test("few or no plans within the limits", async () => {
  const small = tables(NETWORK);
  const options = { fix: ["*=4/4"], seed: 1, count: 10 };
  assert.equal((await randomPlans(small.sensitivity, small.latency, options)).length, 1);
  await assert.rejects(randomPlans(small.sensitivity, small.latency, { limits: { size: "1B" }, seed: 1, count: 1 }), {
    kind: "infeasible",
  });
  await assert.rejects(randomPlans(small.sensitivity, small.latency, { seed: 1, count: 0 }), { kind: "usage" });
});

Deno.test("spread plans differ and their costs go evenly from the least to the greatest", () => {
  const draw = (seed: number) => spreadPlans(sensitivity, latency, { seed, count: 20 });
  const plans = draw(3);
  assert.equal(new Set(plans.map(({ layers }) => layers.map(candidateName).join())).size, 20);
  const uses = plans.map(({ totals }) => totals!.bops);
  const { all4, all8 } = plans[0].references!;
  const step = (all8.bops - all4.bops) / 20;
  for (const [i, use] of uses.entries()) {
    const part = (use - all4.bops) / step;
    // A plan fills its part of the range up to what the next larger layer would add.
    assert.ok(part <= i + 1 && part > i - 3, `plan ${i} lies in part ${part}`);
  }
  assert.deepEqual(draw(3), plans);
  assert.notDeepEqual(draw(4), plans);
  assert.throws(() => spreadPlans(sensitivity, latency, { seed: 1, count: 0 }), { kind: "usage" });
  const { sensitivity: small } = tables(NETWORK);
  assert.equal(spreadPlans(small, undefined, { fix: ["*=4/4"], seed: 1, count: 10 }).length, 1);
});

Deno.test("uniform references: every candidate that all free layers have, fixed layers as they are", () => {
  const { sensitivity: small, latency: times } = tables(NETWORK);
  const references = uniformReferences(small, times);
  assert.deepEqual(references.map(({ layers }) => layers.map(candidateName).join(" ")), [
    "8/8 8/8 8/8 8/8",
    "8/8 4/4 4/4 4/4",
  ]);
  assert.deepEqual(references.map(({ method, objective }) => [method, objective]), [["uniform", 0.031], [
    "uniform",
    1,
  ]]);
});

Deno.test("uniform plans keep the ends at 8/8 unless told otherwise", () => {
  const names = (plan: ReturnType<typeof uniformPlan>) => plan.layers.map(candidateName).join(" ");
  const [FOUR, CODES] = ["4", "codes2"].map((name) => parseCandidateName(name)!);
  assert.equal(names(uniformPlan(NETWORK, { weightBits: 4, activationBits: 8 })), "8/8 4/8 4/8 8/8");
  assert.equal(names(uniformPlan(NETWORK, FOUR, { ends: "same" })), "4/4 4/4 4/4 4/4");
  assert.equal(names(uniformPlan(NETWORK, CODES, { ends: FOUR })), "4/4 codes2/8 codes2/8 4/4");
  assert.equal(names(uniformPlan([{ name: "only" }], FOUR)), "8/8");
  assert.throws(() => uniformPlan([], FOUR), /no layers with weights/);
});
