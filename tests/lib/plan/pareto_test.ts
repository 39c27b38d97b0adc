import assert from "node:assert/strict";
import { decodeArtefact } from "../../../lib/format/artefact.ts";
import { LatencyCodec } from "../../../lib/format/latency.ts";
import { LIMIT_KINDS, type Plan } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { paretoFrontier } from "../../../lib/plan/pareto.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { readHawq } from "./hawq_tables.ts";
import { NETWORK, tables } from "./tables.ts";

const hawq = {
  sensitivity: decodeArtefact(SensitivityCodec, readHawq("resnet18.sensitivity.json"), "sensitivity"),
  latency: decodeArtefact(LatencyCodec, readHawq("resnet18.latency.json"), "latency"),
};
const small = tables(NETWORK, 0.25);

/** Use and objective rise and fall, as a frontier's must. */
function assertFrontier(plans: readonly Plan[]): void {
  for (let i = 1; i < plans.length; i++) {
    assert.ok(plans[i].constraints[0].used > plans[i - 1].constraints[0].used);
    assert.ok(plans[i].objective! < plans[i - 1].objective!);
  }
}

Deno.test("every plan of the frontier of a small network, over each kind of limit", async () => {
  const free = [["8/8", "4/4", "2/4"], ["8/8", "4/8", "4/4"]]; // block with its shortcut, fc
  for (const kind of LIMIT_KINDS) {
    const points: [used: number, objective: number][] = [];
    for (const block of free[0]) {
      for (const fc of free[1]) {
        const options = { fix: [`block.*=${block}`, `fc=${fc}`] };
        // Fixed layers are not part of the average, so the use of weight bits is taken of the size.
        const { plan } = await makePlan(small.sensitivity, small.latency, options);
        const { sizeBytes, bops, latencyMs } = plan.totals!;
        const used = { size: sizeBytes, bops, latency: latencyMs!, "weight-bits": (sizeBytes - 400) * 8 / 3100 }[kind];
        points.push([used, plan.objective!]);
      }
    }
    const expected = points.filter(([used, objective]) =>
      !points.some(([u, o]) => u <= used && o <= objective && (u < used || o < objective))
    ).sort(([a], [b]) => a - b);
    const progress: number[] = [];
    const plans = await paretoFrontier(small.sensitivity, small.latency, kind, "all", {}, (done, total) => {
      assert.equal(total, 100);
      progress.push(done);
    });
    assert.ok(progress.length >= plans.length && progress[0] === 0 && progress.at(-1)! <= 100, kind);
    assert.deepEqual(progress, progress.toSorted((a, b) => a - b), kind);
    assert.deepEqual(plans.map(({ constraints, objective }) => [constraints[0].used, objective]), expected, kind);
    for (const plan of plans) {
      const limits = { [kind]: plan.constraints[0].requested };
      const { plan: again } = await makePlan(small.sensitivity, small.latency, { limits });
      assert.deepEqual(again, plan);
    }
  }
});

Deno.test("evenly spaced points of HAWQ-V3's ResNet18, under a second limit", async () => {
  const limits = { bops: "60%" };
  const plans = await paretoFrontier(hawq.sensitivity, hawq.latency, "latency", 8, { limits });
  assert.ok(plans.length >= 4, `only ${plans.length} plans`);
  assertFrontier(plans);
  for (const plan of plans) {
    const [latency, bops] = plan.constraints;
    assert.ok(latency.used <= latency.limit && bops.used <= bops.limit);
    const { plan: again } = await makePlan(hawq.sensitivity, hawq.latency, {
      limits: { ...limits, latency: latency.requested },
    });
    assert.deepEqual(again.layers, plan.layers);
  }
});

Deno.test("a limit on what is swept caps the frontier", async () => {
  const plans = await paretoFrontier(hawq.sensitivity, undefined, "size", 6, { limits: { size: "7MiB" } });
  assertFrontier(plans);
  assert.equal(plans.at(-1)!.constraints[0].requested, "7MiB");
  assert.ok(plans.every(({ constraints: [size] }) => size.used <= 7 * 2 ** 20));
});

Deno.test("a frontier needs two points and something to sweep", async () => {
  await assert.rejects(paretoFrontier(hawq.sensitivity, undefined, "size", 1), /at least 2 points, found 1/);
  await assert.rejects(paretoFrontier(hawq.sensitivity, undefined, "latency", 5), /needs a latency table/);
  await assert.rejects(
    paretoFrontier(hawq.sensitivity, undefined, "size", 5, { limits: { bops: "1G" } }),
    { kind: "infeasible" },
  );
});
