import assert from "node:assert/strict";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { LatencyCodec } from "../../../lib/format/latency.ts";
import { type LimitKind, PlanCodec } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { type HawqMeasurements, latencyTable, readHawq, sensitivityTable } from "./hawq_tables.ts";

const source: HawqMeasurements = JSON.parse(readHawq("resnet18.json"));
const sensitivity = decodeArtefact(
  SensitivityCodec,
  readHawq("resnet18.sensitivity.json"),
  "resnet18.sensitivity.json",
);
const latency = decodeArtefact(LatencyCodec, readHawq("resnet18.latency.json"), "resnet18.latency.json");

/** Units of the authors' numbers in units of constraints. */
const SOURCE_UNITS: Partial<Record<string, number>> = { size: 2 ** 20, bops: 1e9, latency: 1 };

function assertClose(found: number | undefined, expected: number): void {
  assert.ok(found !== undefined && Math.abs(found - expected) <= 1e-12 * expected, `${found} is not ${expected}`);
}

Deno.test("the committed tables are the authors' measurements", () => {
  assert.equal(readHawq("resnet18.sensitivity.json"), sensitivityTable(source));
  assert.equal(readHawq("resnet18.latency.json"), latencyTable(source));
});

for (const [key, published] of Object.entries(source.published)) {
  const [kind, fraction] = key.split("_") as [LimitKind, string];

  Deno.test(`HAWQ-V3 ResNet18, ${kind} between:${fraction}: the published bits`, async () => {
    const start = performance.now();
    const { plan } = await makePlan(sensitivity, latency, { limits: { [kind]: `between:${fraction}` } });
    console.log(`  ${kind} between:${fraction} solved in ${(performance.now() - start).toFixed(0)} ms`);
    assert.deepEqual(plan.layers.map(({ weightBits }) => weightBits), published.bits);
    assert.deepEqual(plan.layers.map(({ activationBits }) => activationBits), published.bits);
    const [constraint] = plan.constraints;
    assertClose(constraint.limit, published.limit * SOURCE_UNITS[kind]!);
    assertClose(constraint.used, published.used * SOURCE_UNITS[kind]!);
    assertClose(plan.objective, published.omega);
    assert.equal(plan.status, "optimal");
    assert.equal(plan.bound, plan.objective);
    assert.equal(plan.gap, 0);
    const text = encodeArtefact(PlanCodec, { inputs: {}, options: {}, ...plan });
    assert.deepEqual(decodeArtefact(PlanCodec, text, "plan").layers, plan.layers);
  });
}
