import assert from "node:assert/strict";
import fc from "fast-check";
import type { ErrorKind } from "../../../lib/format/error.ts";
import { candidateName, type LimitKind, type Plan } from "../../../lib/format/plan.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import type { PlanOptions } from "../../../lib/plan/make_problem.ts";
import { type LayerRow, NETWORK, tables } from "./tables.ts";

const { sensitivity, latency } = tables(NETWORK, 0.25);

async function bits(options: PlanOptions): Promise<string> {
  const { plan } = await makePlan(sensitivity, latency, options);
  return plan.layers.map(candidateName).join(" ");
}

function rejects(options: PlanOptions, kind: ErrorKind, message: RegExp): Promise<void> {
  return assert.rejects(makePlan(sensitivity, latency, options), (error: Error & { kind?: string }) => {
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("without limits every layer gets its best candidate, fixed and tied ones what they may", async () => {
  const { plan } = await makePlan(sensitivity, latency);
  assert.deepEqual(plan.layers.map(candidateName), ["8/8", "8/8", "8/8", "8/8"]);
  assert.equal(plan.objective, 0.031);
  assert.deepEqual(plan.totals, { sizeBytes: 3500, bops: 1216000, averageWeightBits: 8, latencyMs: 1.85 });
  assert.deepEqual(plan.references?.all4, { sizeBytes: 1950, bops: 736000, averageWeightBits: 4, latencyMs: 1.3 });
  assert.deepEqual(plan.constraints, []);
});

Deno.test("limits in every notation", async () => {
  assert.equal(await bits({ limits: { size: "3000B" } }), "8/8 8/8 8/8 4/8");
  assert.equal(await bits({ limits: { size: "3kB" } }), "8/8 8/8 8/8 4/8");
  assert.equal(await bits({ limits: { size: "2.999kB" } }), "8/8 4/4 4/4 8/8");
  assert.equal(await bits({ limits: { size: "100%" } }), "8/8 8/8 8/8 8/8");
  assert.equal(await bits({ limits: { size: "between:0" } }), "8/8 4/4 4/4 4/8");
  assert.equal(await bits({ limits: { bops: "between:0" } }), "8/8 4/4 4/4 4/4");
  assert.equal(await bits({ limits: { latency: "1.85 ms" } }), "8/8 8/8 8/8 8/8");
  assert.equal(await bits({ limits: { latency: "1849us" } }), "8/8 8/8 8/8 4/8");
  assert.equal(await bits({ limits: { "weight-bits": "4" } }), "8/8 4/4 4/4 4/8");
  assert.equal(await bits({ limits: { "weight-bits": "3 bits" } }), "8/8 2/4 2/4 4/8");
});

Deno.test("a limit that equals what a plan uses admits it, whatever the sum is in binary floats", async () => {
  const row = (name: string, ms: number): LayerRow => ({
    name,
    parameters: 1,
    macs: 1,
    candidates: { "8/8": [0, ms], "4/4": [1, 0] },
  });
  const tenths = tables([row("a", 0.1), row("b", 0.2), row("c", 0.7)]);
  assert.notEqual(0.1 + 0.2, 0.3);
  for (const [limit, expected] of [["1ms", 0], ["0.9ms", 1], ["0.3ms", 1], ["0.29999999999999999ms", 2]] as const) {
    const { plan } = await makePlan(tenths.sensitivity, tenths.latency, { limits: { latency: limit } });
    assert.equal(plan.objective, expected, limit);
    assert.ok(plan.constraints[0].used <= plan.constraints[0].limit);
  }
});

Deno.test("fix, free, exclude and tie", async () => {
  assert.equal(await bits({ fix: ["*=4/4"] }), "4/4 4/4 4/4 4/4");
  assert.equal(await bits({ fix: ["*=4", "fc=4/8"] }), "4/4 4/4 4/4 4/8");
  await rejects({ limits: { size: "1300B" } }, "infeasible", /smallest that fits/);
  assert.equal(await bits({ free: ["stem"], limits: { size: "1300B" } }), "4/4 2/4 2/4 4/8");
  assert.equal(await bits({ exclude: ["block.*=8/*"] }), "8/8 4/4 4/4 8/8");
  await rejects(
    { exclude: ["block.*=8/*", "*=*/4"] },
    "usage",
    /nothing is left for the tied layers "block.conv", "blo/,
  );
  assert.equal(await bits({ tie: ["fc=stem"] }), "8/8 8/8 8/8 8/8");
  assert.equal(await bits({ tie: ["fc=block.conv"], limits: { size: "3000B" } }), "8/8 4/4 4/4 4/4");
});

Deno.test("mistakes name the layer and the way out", async () => {
  await rejects({ fix: ["block.cnv=4"] }, "usage", /no layer matches "block.cnv"; did you mean "block.conv"\?/);
  await rejects({ fix: ["fc"] }, "usage", /fix is "fc", expected "layer=4\/8"/);
  await rejects({ fix: ["fc=2/2"] }, "usage", /layer "fc" is fixed at 2\/2, .* candidates are 8\/8, 4\/8, 4\/4/);
  await rejects({ fix: ["block.conv=8", "block.shortcut=4"] }, "usage", /"block.conv" is fixed at 8\/8 .* tied/);
  await rejects({ exclude: ["fc=codes"] }, "usage", /expected bits like .*"layer=codes\*\/8"/);
  await rejects({ exclude: ["fc=*"] }, "usage", /nothing is left for layer "fc"/);
  await rejects({ tie: ["fc=sten"] }, "usage", /no layer "sten" .* did you mean "stem"\?/);
  await rejects({ free: ["nothing at all"] }, "usage", /known are "stem", "block.conv", "block.shortcut", "fc"/);
  await rejects({ metric: "hessian" }, "input", /no scores of the metric "hessian"; its columns are "score"/);
  await rejects(
    { limits: { size: "12" } },
    "usage",
    /limit on size is "12", expected an amount \(6.65MiB; units B, kB/,
  );
});

Deno.test("tables that do not belong together are refused", async () => {
  const model = (digit: string) => ({ inputs: { model: { sha256: digit.repeat(64) } } });
  const names = { sensitivity: "s.json", latency: "l.json" };
  await assert.rejects(
    makePlan({ ...sensitivity, ...model("a") }, { ...latency, ...model("b") }, { names }),
    /s\.json and l\.json are of different models: aaaaaaaaaaaa… and bbbbbbbbbbbb…/,
  );
  const [first, ...rest] = latency.layers;
  await assert.rejects(
    makePlan(sensitivity, { ...latency, layers: rest }, { names }),
    /l\.json: layer "stem" has no time at 8\/8, the layer is missing/,
  );
  await assert.rejects(
    makePlan(sensitivity, { ...latency, layers: [...latency.layers, { ...first, name: "stm" }] }, { names }),
    /l\.json: layer "stm" is not in s\.json; did you mean "stem"\?/,
  );
  await assert.rejects(makePlan(sensitivity, undefined, { limits: { latency: "1ms" } }), /needs a latency table/);
  const tied = { ...sensitivity, layers: sensitivity.layers.map((layer) => ({ ...layer, tiedTo: "block.con" })) };
  await assert.rejects(
    makePlan(tied, undefined, { names }),
    /"stem" is tied to "block.con", which is no layer; did you/,
  );
});

Deno.test("infeasible: the smallest limits that fit are named, and they fit", async () => {
  await rejects(
    { limits: { size: "1kB" } },
    "infeasible",
    /^no plan fits size 1kB \(1000B\): the smallest that fits is 1\.39161KiB \(40\.8% of all-8-bit\)/,
  );
  assert.equal(await bits({ limits: { size: "1.39161KiB" } }), "8/8 2/4 2/4 4/8");
  assert.equal(await bits({ limits: { size: "40.8%" } }), "8/8 2/4 2/4 4/8");
  await rejects({ limits: { "weight-bits": "2" } }, "infeasible", /the smallest that fits is 2\.64517/);
  assert.equal(await bits({ limits: { "weight-bits": "2.64517" } }), "8/8 2/4 2/4 4/8");
  const both: PlanOptions = { exclude: ["*=2/*", "*=4/4"], fix: ["block.*=8/8"] };
  await rejects(
    { ...both, limits: { size: "2kB", latency: "1ms" } },
    "infeasible",
    /no plan fits the limits\n {2}size 2kB .*: the smallest of any plan is .*, and the other limits cannot be met either\n {2}latency 1ms: /,
  );
});

Deno.test("infeasible together: each limit is met alone", async () => {
  // Fewer bits are slower here, as on a machine without sub-byte instructions.
  const slow = tables([
    { name: "a", parameters: 100, macs: 1, candidates: { "8/8": [0, 1], "4/4": [1, 3] } },
    { name: "b", parameters: 50, macs: 1, candidates: { "8/8": [0, 1], "4/4": [1, 2] } },
  ]);
  await assert.rejects(makePlan(slow.sensitivity, slow.latency, { limits: { size: "100B", latency: "3ms" } }), {
    name: "DyadError",
    message: "no plan fits the limits\n" +
      "  size 100B: can be met alone; with the other limits the smallest that fits is 125B (83.4% of all-8-bit)\n" +
      "  latency 3ms: can be met alone; with the other limits the smallest that fits is 4ms (200% of all-8-bit)",
  });
  for (const limits of [{ size: "125B", latency: "3ms" }, { size: "100B", latency: "4ms" }]) {
    assert.ok((await makePlan(slow.sensitivity, slow.latency, { limits })).plan.objective);
  }
});

/** The definition of a plan, over the tables themselves: every assignment, limits by the formulas of the format. */
function bestObjective(rows: readonly LayerRow[], limits: Partial<Record<LimitKind, number>>): number | undefined {
  const free = rows.reduce((sum, { parameters, fixed }) => sum + (fixed === undefined ? parameters : 0), 0);
  let best: number | undefined;
  const visit = (chosen: string[]): void => {
    if (chosen.length < rows.length) {
      const { candidates, fixed, tiedTo } = rows[chosen.length];
      const partner = rows.findIndex(({ name }) => name === tiedTo);
      for (const name of Object.keys(candidates)) {
        if ((fixed ?? name) === name && (chosen[partner] ?? name) === name) visit([...chosen, name]);
      }
      return;
    }
    const used = { size: 0, bops: 0, latency: 0, "weight-bits": 0 };
    let score = 0;
    rows.forEach(({ parameters, macs, fixed, candidates }, i) => {
      const [weight, activation] = chosen[i].split("/").map(Number);
      used.size += parameters * weight / 8;
      used.bops += macs * weight * activation;
      used.latency += candidates[chosen[i]][1];
      used["weight-bits"] += fixed === undefined ? parameters * weight / free : 0;
      score += candidates[chosen[i]][0];
    });
    const kinds = Object.keys(limits) as LimitKind[];
    if (kinds.every((kind) => used[kind] <= limits[kind]! + 1e-9)) best = Math.min(best ?? Infinity, score);
  };
  visit([]);
  return best;
}

const NAMES = ["8/8", "4/8", "4/4", "2/2"];
const NETWORKS: fc.Arbitrary<LayerRow[]> = fc.array(
  fc.record({
    parameters: fc.integer({ min: 1, max: 50 }),
    macs: fc.integer({ min: 0, max: 50 }),
    candidates: fc.tuple(
      ...NAMES.map(() => fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }))),
    ),
    isFixed: fc.nat(4),
    tie: fc.nat(8),
  }),
  { minLength: 1, maxLength: 5 },
).map((layers) =>
  layers.map(({ parameters, macs, candidates, isFixed, tie }, i): LayerRow => {
    const isTied = tie < i && layers[tie].tie >= tie && layers[tie].isFixed > 0;
    return {
      name: `layer${i}`,
      parameters,
      macs,
      ...(isFixed === 0 && !isTied && { fixed: NAMES[i % 4] }),
      ...(isTied && { tiedTo: `layer${tie}` }),
      candidates: Object.fromEntries(NAMES.map((name, c) => [name, candidates[c]])),
    };
  })
);

Deno.test("plans equal the definition over random tables", async () => {
  const limits = fc.record({
    size: fc.integer({ min: 0, max: 150 }),
    bops: fc.integer({ min: 0, max: 6000 }),
    latency: fc.integer({ min: 0, max: 90 }),
    "weight-bits": fc.integer({ min: 1, max: 8 }),
  }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(NETWORKS, limits, async (rows, limits) => {
      const { sensitivity, latency } = tables(rows);
      const suffix = { size: "B", bops: "", latency: "ms", "weight-bits": "" };
      const kinds = Object.keys(limits) as LimitKind[];
      const texts = Object.fromEntries(kinds.map((kind) => [kind, `${limits[kind]}${suffix[kind]}`]));
      let plan: Plan | undefined;
      try {
        ({ plan } = await makePlan(sensitivity, latency, { limits: texts }));
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "infeasible", String(error));
      }
      assert.equal(plan?.objective, bestObjective(rows, limits));
    }),
    { numRuns: 150 },
  );
});
