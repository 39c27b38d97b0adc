import assert from "node:assert/strict";
import { pearsonCorrelation, spearmanCorrelation } from "../../lib/arith/correlation.ts";
import { type Additivity, AdditivityCodec } from "../../lib/format/additivity.ts";
import { type ArtefactCodec, decodeArtefact } from "../../lib/format/artefact.ts";
import { ComparisonCodec } from "../../lib/format/comparison.ts";
import { FrontierCodec } from "../../lib/format/frontier.ts";
import { lossOf } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan, PlanCodec } from "../../lib/format/plan.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { needsRounds } from "../../lib/sensitivity/measurements/mod.ts";
import { METRICS } from "../../lib/sensitivity/metrics/mod.ts";
import { Pipeline } from "./bad_input.ts";
import { expectSuccess, inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const DATA = "--model @model.onnx --calibration @m.calibration.json --data @images.npy";
const LABELLED = `${DATA} --labels @labels.npy`;
/** The score columns that a table has unless told otherwise, where there are labels. */
const NAMES = METRICS.map(({ name }) => name).filter((name) => !needsRounds([name]));

/** A folder with a sensitivity table of two layers at five candidates each, by every metric that needs no probes. */
function planTest(title: string, work: (pipeline: Pipeline) => Promise<void>): void {
  Deno.test(`plan: ${title}`, () =>
    inNewFolder(async (folder) => {
      writeSampleFiles(folder);
      const pipeline = new Pipeline(folder);
      await pipeline.run(
        "calibrate @model.onnx --data @images.npy --mean 0.5 --std 0.25 --method mse -o @m.calibration.json",
      );
      await pipeline.run(
        "sensitivity @model.onnx --calibration @m.calibration.json --data @images.npy --labels @labels.npy " +
          "--candidates 8/8,4/8,3/4,2/8,2/2 --free-ends --threads 1 -o @s.json",
      );
      await work(pipeline);
    }));
}

function read<T>(pipeline: Pipeline, codec: ArtefactCodec<T>, name: string) {
  return decodeArtefact(codec, pipeline.read(name), name);
}

const bitsOf = ({ layers }: Plan): string[] => layers.map(candidateName);

planTest("--refine measures plans and keeps one, whatever the number of threads", async (pipeline) => {
  const line = `plan @s.json --max-weight-bits 4 --refine 5 ${LABELLED}`;
  await pipeline.run(`${line} --threads 1 -o @one.json`);
  await expectSuccess([...line.replaceAll("@", "").split(" "), "--threads", "2", "-o", "two.json"], {
    cwd: pipeline.folder,
  });
  assert.equal(pipeline.read("one.json"), pipeline.read("two.json"));
  const plan = read(pipeline, PlanCodec, "one.json");
  assert.deepEqual(Object.keys(plan.inputs), ["model", "sensitivity", "calibration", "data", "labels"]);
  const { pool, chosen, loss } = plan.refinement!;
  assert.deepEqual([plan.method, plan.status, loss], ["refined", undefined, "kl"]);
  const objectives = pool.flatMap(({ origin, objective }) => origin === "sum" ? [objective] : []);
  assert.equal(objectives.length, 5);
  assert.deepEqual(objectives, objectives.toSorted((a, b) => a - b));
  assert.ok(pool.some(({ origin }) => origin === "search"));
  assert.equal(new Set(pool.map(({ bits }) => bits.join())).size, pool.length);
  assert.ok(chosen === 0 || pool[chosen].measured.kl < pool[0].measured.kl);
  assert.deepEqual([bitsOf(plan), plan.measured], [pool[chosen].bits, pool[chosen].measured]);
  assert.deepEqual([plan.objective, plan.bound], [pool[chosen].objective, pool[0].objective]);

  await pipeline.run("plan @s.json --max-weight-bits 4 -o @optimal.json");
  assert.deepEqual(bitsOf(read(pipeline, PlanCodec, "optimal.json")), pool[0].bits);

  await pipeline.run(`${line} --loss cross-entropy --threads 1 -o @entropy.json`);
  const other = read(pipeline, PlanCodec, "entropy.json").refinement!;
  const entropies = other.pool.map(({ measured }) => measured.crossEntropy!);
  assert.ok(other.chosen === 0 || entropies[other.chosen] < entropies[0]);
  await pipeline.run("quantize @model.onnx --calibration @m.calibration.json --plan @one.json -o @m.dyad.json");
});

planTest("--check-additivity measures random plans of every cost and correlates", async (pipeline) => {
  const line = `plan @s.json --check-additivity 8 ${LABELLED} --threads 1`;
  await pipeline.run(`${line} --plot @add.svg -o @add.json`);
  await pipeline.run(`${line} --seed 0 -o @same.json`);
  await pipeline.run(`${line} --seed 1 --loss cross-entropy --max-size 40% -o @other.json`);
  const first = read(pipeline, AdditivityCodec, "add.json");
  const second = read(pipeline, AdditivityCodec, "other.json");
  assert.deepEqual(first.plans, read(pipeline, AdditivityCodec, "same.json").plans);
  assert.deepEqual(first.metrics.map(({ metric }) => metric), NAMES);
  const count = first.plans.length; // 8 but for plans that were drawn before: the network has 25 in all
  assert.ok(count > 4 && count === new Set(first.plans.map(({ bits }) => bits.join())).size, `${count} plans`);
  assertFits(first);
  assertFits(second);
  const svg = pipeline.read("add.svg");
  assert.match(svg, /^<svg [^]*measured KL \(nats\)[^]*<\/svg>\n$/);
  assert.equal(svg.match(/aria-roledescription="point"/g)?.length, count * NAMES.length);
});

function assertFits({ metrics, plans, loss }: Additivity): void {
  const losses = plans.map(({ measured }) => lossOf(measured, loss)!);
  for (const { metric, rSquared, rankCorrelation } of metrics) {
    const predicted = plans.map((plan) => plan.predicted[metric]);
    const pearson = pearsonCorrelation(predicted, losses);
    assert.equal(rSquared, pearson === undefined ? null : pearson ** 2);
    assert.equal(rankCorrelation, spearmanCorrelation(predicted, losses) ?? null);
  }
}

planTest("--compare makes the plan of each metric, and measures it where data are given", async (pipeline) => {
  await pipeline.run("plan @s.json --max-size 40% --compare mse,kl -o @two.json");
  await pipeline.run(`plan @s.json --max-size 40% --compare all ${LABELLED} --threads 1 -o @all.json`);
  const two = read(pipeline, ComparisonCodec, "two.json").plans;
  const all = read(pipeline, ComparisonCodec, "all.json").plans;
  assert.deepEqual(two.map(({ metric }) => metric), ["mse", "kl"]);
  assert.deepEqual(all.map(({ metric }) => metric), NAMES);
  assert.ok(two.every(({ measured }) => measured === undefined) && all.every(({ measured }) => measured !== undefined));
  await pipeline.run("plan @s.json --max-size 40% --metric mse -o @mse.json");
  const { integrity: _, ...alone } = read(pipeline, PlanCodec, "mse.json");
  assert.deepEqual(two[0], alone);
});

planTest("--pareto with --compare: a frontier for each metric, drawn", async (pipeline) => {
  const line = "plan @s.json --pareto size --compare kl,weight-error";
  await pipeline.run(`${line} --plot @f.svg -o @f.json`);
  await pipeline.run(`${line} --plot @g.svg -o @g.json`);
  assert.equal(pipeline.read("f.svg"), pipeline.read("g.svg"));
  const { plans, compared } = read(pipeline, FrontierCodec, "f.json");
  assert.deepEqual([plans[0].metric, compared!.map(({ metric }) => metric)], ["kl", ["weight-error"]]);
  await pipeline.run("plan @s.json --pareto size --metric weight-error -o @w.json");
  assert.deepEqual(compared![0].plans, read(pipeline, FrontierCodec, "w.json").plans);
  const svg = pipeline.read("f.svg");
  for (
    const text of ["size of the weights (KiB)", "sum of kl over the layers", "plans by", "weight-error", "uniform 4/8"]
  ) {
    assert.ok(svg.includes(`>${text}<`), text);
  }
  await pipeline.run(`plan @s.json --pareto weight-bits:4 ${DATA} --threads 1 --plot @m.svg -o @m.json`);
  assert.ok(read(pipeline, FrontierCodec, "m.json").plans.every(({ measured }) => measured!.samples === 6));
  assert.match(pipeline.read("m.svg"), />measured KL \(nats\)</);
});

planTest("--greedy keeps the limits", async (pipeline) => {
  await pipeline.run("plan @s.json --max-size 45% --max-bops 50% --greedy -o @g.json");
  const { method, constraints, options } = read(pipeline, PlanCodec, "g.json");
  assert.deepEqual([method, options.greedy], ["greedy", true]);
  for (const { used, limit } of constraints) assert.ok(used <= limit);
});

planTest("flags that cannot go together are named, and so are those that are missing", async (pipeline) => {
  const cases: readonly (readonly [flags: string, pattern: RegExp])[] = [
    ["--refine 3", /^--refine needs plans to be run; give --model, --calibration, --data$/],
    [
      "--check-additivity 5 --model @model.onnx",
      /--check-additivity needs plans to be run; give --calibration, --data$/,
    ],
    ["--compare kl,mse --data @images.npy", /--data needs plans to be run; give --model, --calibration$/],
    ["--pareto size --mean 0.5", /--mean needs plans to be run; give --model/],
    ["--pareto size --loss kl", /--loss needs plans to be measured; give --data/],
    [`--max-size 50% ${DATA}`, /^--model is for --refine, --pareto, --compare, --check-additivity$/],
    ["--seed 3", /^--seed is for --check-additivity$/],
    ["--plot @x.svg", /^--plot is for --pareto, --check-additivity$/],
    ["--ends 8", /^--ends is for --uniform$/],
    ["--refine 3 --greedy", /^--greedy and --refine cannot go together$/],
    ["--compare kl --refine 3", /^--refine and --compare cannot go together$/],
    ["--greedy --lp @x.lp", /--greedy takes the cheapest steps to one plan, so --lp has no meaning/],
    ["--uniform 4 --max-size 50%", /--uniform gives every layer the same bits, so --max-size has no meaning/],
    ["--compare kl,kl", /--compare lists "kl" twice/],
    ["--compare kl --metric mse", /--compare makes a plan for each metric, so --metric has no meaning/],
    ["--pareto size --compare kl --metric mse", /--compare lists the metrics, so --metric has no meaning/],
    [`--check-additivity 2 ${DATA}`, /--check-additivity of 2 plans says nothing; ask for at least 3/],
    [`--check-additivity 5 --fix *=8/8 ${DATA}`, /found 1 different random plans, expected at least 3/],
    [`--refine 2 --limit 1 ${DATA}`, /--refine on 1 sample cannot tell plans apart; ask for at least 2/],
    [`--refine 2 --loss cross-entropy ${DATA}`, /--loss cross-entropy needs the class of each sample; give --labels/],
    ["--pareto size --plot -", /--plot needs a file/],
    ["--pareto size --plot @new.json", /the artefact and the plot would both go to new\.json/],
  ];
  for (const [flags, pattern] of cases) {
    assert.match(await pipeline.refusal(`plan @s.json ${flags} -o @new.json`, "usage"), pattern, flags);
  }
});

planTest("bits that no integer network has are refused by name", async (pipeline) => {
  const { integrity: _, ...table } = read(pipeline, SensitivityCodec, "s.json");
  const wide = { weightBits: 16, activationBits: 8, scores: { [table.metric]: 0 } };
  const layers = table.layers.map((layer) => ({ ...layer, candidates: [...layer.candidates, wide] }));
  pipeline.write("wide.json", JSON.stringify({ ...table, layers }));
  await pipeline.refuses(
    `plan @wide.json --refine 2 ${DATA} --threads 1 -o @new.json`,
    /^wide\.json: a plan gives the layer "Conv_0" 16\/8 bits, which cannot be run; expected 2 to 8 of each/,
  );
});

planTest("files that do not belong together are refused before anything is measured", async (pipeline) => {
  const { integrity: _, ...table } = read(pipeline, SensitivityCodec, "s.json");
  const other = JSON.stringify({ ...table, inputs: { ...table.inputs, model: { sha256: "0".repeat(64) } } });
  pipeline.write("other.json", other);
  await pipeline.refuses(`plan @other.json --refine 2 ${DATA} -o @new.json`, /other\.json are of different models/);
  const hand = {
    format: "dyad/sensitivity",
    version: 1,
    layers: [{ name: "x", parameters: 1, macs: 1, candidates: [{ bits: 8, score: 1 }] }],
  };
  pipeline.write("hand.json", JSON.stringify(hand));
  await pipeline.refuses(
    `plan @hand.json --refine 2 ${DATA} -o @new.json`,
    /^hand\.json, model\.onnx and m\.calibration\.json: [^]*Conv_0/,
  );
  pipeline.write("wrong.json", JSON.stringify({ ...hand, options: { symmetric: "yes" } }));
  await pipeline.refuses(
    `plan @wrong.json --refine 2 ${DATA} -o @new.json`,
    /wrong\.json: options\.symmetric: .*how the layers were quantized/,
  );
});

Deno.test("the list of ways to a plan misses no file", async () => {
  const folder = new URL("../../cli/plan/", import.meta.url);
  const list = await Deno.readTextFile(new URL("modes.ts", folder));
  const missing: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const isMode = /^export const \w+: PlanMode = /m.test(await Deno.readTextFile(new URL(name, folder)));
    if (isMode && !list.includes(`"./${name}"`)) missing.push(name);
  }
  assert.deepEqual(missing, []);
});
