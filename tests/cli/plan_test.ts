import assert from "node:assert/strict";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { FrontierCodec } from "../../lib/format/frontier.ts";
import { PlanCodec } from "../../lib/format/plan.ts";
import { plan } from "../../cli/commands/plan.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { DyadError } from "../../lib/format/error.ts";
import { expectSuccess, inNewFolder } from "./dyad.ts";

const HAWQ = new URL("../../testdata/hawq-v3/", import.meta.url).pathname;
const PLAN = ["plan", `${HAWQ}resnet18.sensitivity.json`, "--latency", `${HAWQ}resnet18.latency.json`];

Deno.test("plan: the artefact on standard output, the report on standard error, the LP text in a file", async (t) => {
  await inNewFolder(async (cwd) => {
    const { out, err } = await expectSuccess([...PLAN, "--max-bops", "between:0.5", "--lp", "p.lp"], { cwd });
    const plan = decodeArtefact(PlanCodec, out, "plan");
    assert.equal(plan.gap, 0);
    assert.deepEqual(plan.options, { limits: { bops: "between:0.5" } });
    assert.deepEqual(Object.keys(plan.inputs), ["sensitivity", "latency"]);
    await t.assertSnapshot(err);
    assert.match(Deno.readTextFileSync(`${cwd}/p.lp`), /^Minimize$[^]*^End$/m);
  });
});

Deno.test("plan: of a frontier, every plan is a plan file and its limit gives it again", async () => {
  await inNewFolder(async (cwd) => {
    const { out } = await expectSuccess([...PLAN, "--pareto", "latency:4", "--max-size", "80%", "--quiet"], { cwd });
    const { kind, plans } = decodeArtefact(FrontierCodec, out, "frontier");
    assert.equal(kind, "latency");
    assert.ok(plans.length >= 3);
    const [, second] = plans;
    decodeArtefact(PlanCodec, JSON.stringify(second), "a plan of the frontier");
    const { latency, size } = second.options.limits as { latency: string; size: string };
    const again = await expectSuccess([...PLAN, "--max-latency", latency, "--max-size", size], { cwd });
    const plan = decodeArtefact(PlanCodec, again.out, "plan");
    assert.deepEqual(plan.layers, second.layers);
    assert.deepEqual(plan.options, second.options);
  });
});

Deno.test("plan: uniform and random plans to compare with", async () => {
  const [uniform, random, same] = await Promise.all([
    expectSuccess([...PLAN.slice(0, 2), "--uniform", "4/8", "--ends", "8"]),
    expectSuccess([...PLAN, "--max-size", "70%", "--random", "7"]),
    expectSuccess([...PLAN, "--max-size", "70%", "--random", "7"]),
  ]);
  const bits = decodeArtefact(PlanCodec, uniform.out, "uniform").layers.map(({ weightBits }) => weightBits);
  assert.deepEqual([bits[0], bits[1], bits.at(-1)], [8, 4, 8]);
  const [constraint] = decodeArtefact(PlanCodec, random.out, "random").constraints;
  assert.ok(constraint.used <= constraint.limit);
  assert.equal(random.out, same.out);
});

Deno.test("plan: as part of another command", async () => {
  const terminal = openTerminal({ json: false, quiet: true, colour: false });
  await inNewFolder(async (folder) => {
    const argv = [...PLAN.slice(1), "--max-size", "60%", "-o", `${folder}/p.json`];
    const report = await invoke(plan, argv, terminal);
    assert.equal((report?.json as { output: string }).output, `${folder}/p.json`);
    decodeArtefact(PlanCodec, Deno.readTextFileSync(`${folder}/p.json`), "plan");
    for (const bad of ["--max-sice", "--max-size=x"]) {
      await assert.rejects(
        invoke(plan, [...argv, bad], terminal),
        (error) => error instanceof DyadError && error.kind === "usage",
      );
    }
  });
});
