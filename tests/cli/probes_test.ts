import assert from "node:assert/strict";
import { planWithinBudget } from "../../cli/plan_within_budget.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import { CHECKPOINTS } from "../../lib/sensitivity/stability.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { model } from "../lib/onnx/sample_model.ts";
import { TINY } from "../lib/sensitivity/tiny_network.ts";
import { dyad } from "./dyad.ts";

const IMAGES = 10; // two chunks, so that two threads have work

Deno.test("random probes: the same bytes on any number of threads, and rounds end by the rule or as asked for", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const random = seededRandom(5);
    const pixels = Uint8Array.from({ length: IMAGES * 2 * 6 * 6 }, () => random.integer(0, 255));
    Deno.writeFileSync(`${folder}/tiny.onnx`, model(TINY));
    Deno.writeFileSync(`${folder}/images.npy`, encodeNpy(tensor("u8", [IMAGES, 2, 6, 6], pixels)));
    const run = async (...argv: string[]): Promise<string> => {
      const { code, err } = await dyad(argv, { cwd: folder });
      assert.equal(code, 0, err);
      return err;
    };
    await run("calibrate", "tiny.onnx", "--data=images.npy", "--method=min-max", "-o", "calibration.json");
    const sensitivity = (output: string, ...more: string[]): Promise<string> =>
      run(
        ...["sensitivity", "tiny.onnx", "--calibration=calibration.json", "--data=images.npy"],
        ...["--metric=hessian-trace", "--candidates=8/8,4/8,4/4,2/4", "-o", output, ...more],
      );
    const report = await sensitivity("one.json", "--threads=1");
    await sensitivity("two.json", "--threads=2");
    const [one, two] = ["one.json", "two.json"].map((name) => Deno.readTextFileSync(`${folder}/${name}`));
    assert.equal(two, one);
    const { rounds, layers }: Sensitivity = JSON.parse(one);
    assert.ok(CHECKPOINTS.includes(rounds!.count));
    assert.ok(rounds!.endedBy === "stability" && rounds!.agreement! >= 0.95);
    assert.match(report, /probe rounds +\d+, the plan is stable: \d+\.\d+ % of resamples agree/);
    assert.equal(layers[0].curvature!.weights!.rounds, rounds!.count);

    const fixed = await sensitivity("three.json", "--metrics=fisher", "--probes=3");
    assert.match(fixed, /probe rounds +3, as asked for/);
    const three: Sensitivity = JSON.parse(Deno.readTextFileSync(`${folder}/three.json`));
    assert.deepEqual(three.rounds, { count: 3, endedBy: "request" });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a plan within a budget is dyad plan's, and there is none where none fits", async () => {
  const candidates = [8, 4].map((bits) => ({ weightBits: bits, activationBits: 8, scores: { s: 16 / bits ** 2 } }));
  const layers = ["a", "b", "c"].map((name, i) => ({
    name,
    parameters: 10,
    macs: 100,
    candidates: candidates.map(({ scores, ...bits }) => ({ ...bits, scores: { s: scores.s * (i + 1) } })),
  }));
  const table: Sensitivity = { metric: "s", layers };
  const plan = await planWithinBudget(table, "s", { weightBits: 7 });
  assert.deepEqual([...plan!], [["a", "4/8"], ["b", "8/8"], ["c", "8/8"]]);
  const both = await planWithinBudget(table, "s", { weightBits: 7, bops: 100 * (32 + 32 + 64) });
  assert.deepEqual([...both!], [["a", "4/8"], ["b", "4/8"], ["c", "8/8"]]);
  assert.equal(await planWithinBudget(table, "s", { weightBits: 3 }), undefined);
  await assert.rejects(planWithinBudget(table, "no such score", { weightBits: 7 }));
});
