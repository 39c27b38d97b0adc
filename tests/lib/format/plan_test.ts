import assert from "node:assert/strict";
import { z } from "zod";
import { CODE_BITS } from "../../../lib/arith/binary_codes/codes.ts";
import { AdditivityCodec } from "../../../lib/format/additivity.ts";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { ComparisonCodec } from "../../../lib/format/comparison.ts";
import { FrontierCodec } from "../../../lib/format/frontier.ts";
import { LatencyCodec } from "../../../lib/format/latency.ts";
import { candidateName, parseCandidateName, type Plan, PlanCodec } from "../../../lib/format/plan.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";

function decode(layers: unknown, fields = {}): Plan {
  return decodeArtefact(PlanCodec, JSON.stringify({ format: "dyad/plan", version: 1, layers, ...fields }), "p.json");
}

Deno.test("a plan by hand has names and bits", () => {
  const plan = decode([{ name: "a", bits: 8 }, { name: "b", bits: "4/8" }, {
    name: "c",
    weightBits: 2,
    activationBits: 4,
  }]);
  assert.deepEqual(plan.layers.map(candidateName), ["8/8", "4/8", "2/4"]);
  assert.deepEqual(plan.constraints, []);
});

Deno.test("names of candidates are read as what they were made from, and no two have the same", () => {
  const widths = Array.from({ length: 16 }, (_, i) => i + 1);
  const weights = [
    ...widths.map((weightBits) => ({ weightBits })),
    ...CODE_BITS.map((weightBits) => ({ weightBits, weightFormat: "codes" as const })),
  ];
  const all = weights.flatMap((format) => widths.map((activationBits) => ({ ...format, activationBits })));
  for (const candidate of all) assert.deepEqual(parseCandidateName(candidateName(candidate)), candidate);
  assert.equal(new Set(all.map(candidateName)).size, all.length);
});

Deno.test("a plan is written and read back", () => {
  const totals = { sizeBytes: 1, bops: 2, averageWeightBits: 4, latencyMs: 0.5 };
  const plan: Plan = {
    method: "optimal",
    metric: "hessian",
    status: "optimal",
    objective: 0.25,
    bound: 0.25,
    gap: 0,
    constraints: [{ kind: "size", requested: "60%", limit: 2, used: 1, unit: "bytes" }],
    totals,
    references: { all8: totals, all4: totals },
    layers: [{ name: "a", weightBits: 4, activationBits: 8, score: 0.25, parameters: 2, macs: 3 }],
  };
  const text = encodeArtefact(PlanCodec, { inputs: {}, options: {}, ...plan });
  const { format: _f, version: _v, dyad: _d, inputs: _i, options: _o, integrity: _h, ...content } = decodeArtefact(
    PlanCodec,
    text,
    "p.json",
  );
  assert.deepEqual(content, plan);
});

Deno.test("mistakes in a plan are named with their place", () => {
  const cases: [unknown, RegExp][] = [
    [[], /layers: /],
    [[{ name: "a" }], /layers\[0\]: expected "weightBits" and "activationBits", or "bits" for both/],
    [[{ name: "a", bits: 4, weightBits: 4 }], /layers\[0\]: "bits" stands for/],
    [[{ name: "a", bits: "4-8" }], /layers\[0\]: "bits" is "4-8", expected 4 or "4\/8"/],
    [[{ name: "a", bits: 0 }], /layers\[0\].bits: Too small: expected number to be >=1/],
    [[{ name: "a", bits: true }], /layers\[0\].bits: expected 4 or "4\/8", each 1 to 16/],
    [[{ name: "a", bits: 4, wieghtBits: 8 }], /layers\[0\]: Unrecognized key: "wieghtBits"/],
    [[{ name: "a", bits: 4 }, { name: "a", bits: 8 }], /layers\[1\].name: "a" is listed twice/],
  ];
  for (const [layers, message] of cases) assert.throws(() => decode(layers), { kind: "input", message });
});

Deno.test("candidate names", () => {
  assert.deepEqual(parseCandidateName("4/8"), { weightBits: 4, activationBits: 8 });
  assert.deepEqual(parseCandidateName("4"), { weightBits: 4, activationBits: 4 });
  assert.deepEqual(parseCandidateName("codes3"), { weightBits: 3, weightFormat: "codes", activationBits: 8 });
  assert.deepEqual(parseCandidateName("8/codes2"), { weightBits: 8, activationBits: 2, activationFormat: "codes" });
  for (const name of ["8/8", "4/8", "codes1/8", "codes4/2", "8/codes2", "codes3/codes4"]) {
    assert.equal(candidateName(parseCandidateName(name)!), name);
  }
  for (
    const text of [
      "",
      "codes",
      "codes0",
      "codes5/8",
      "code3",
      "4/codes5",
      "4/codes0",
      "4/code4",
      "4/",
      "/8",
      "0/8",
      "17/8",
      "4/8/8",
      "four",
    ]
  ) {
    assert.equal(parseCandidateName(text), undefined);
  }
});

Deno.test("the schemas export as JSON Schema, as read and as written, every field described", () => {
  for (const codec of [PlanCodec, SensitivityCodec, LatencyCodec, FrontierCodec, ComparisonCodec, AdditivityCodec]) {
    for (const io of ["input", "output"] as const) {
      const schema = z.toJSONSchema(codec.schema, { io });
      assert.equal(schema.type, "object");
      assertDescribed(schema, codec.format);
    }
  }
});

/** Every property of every object says what it is. */
function assertDescribed(schema: z.core.JSONSchema.BaseSchema, path: string): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (typeof property === "boolean") continue;
    const isConstant = property.const !== undefined;
    assert.ok(isConstant || property.description, `${path}.${name} has no description`);
    assertDescribed(property, `${path}.${name}`);
  }
  const { items } = schema;
  if (items !== undefined && typeof items === "object" && !Array.isArray(items)) assertDescribed(items, `${path}[]`);
}
