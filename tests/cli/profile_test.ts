import assert from "node:assert/strict";
import { calibrate } from "../../cli/commands/calibrate.ts";
import { profile } from "../../cli/commands/profile.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { LatencyCodec } from "../../lib/format/latency.ts";
import { PartCodec } from "../../lib/format/part.ts";
import { PlanCodec } from "../../lib/format/plan.ts";
import { info, model, node } from "../lib/onnx/sample_model.ts";
import { badInput } from "./bad_input.ts";
import { dyadCommand, expectFailure, expectSuccess, inNewFolder, namesIn } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const QUICK = ["--rounds", "2", "--mixtures", "1"];
const BITS = ["--candidates", "8/8,4/8,4/4"];
const MOBILE = new URL("../../testdata/models/mobile.onnx", import.meta.url).pathname;

function inSampleFolder(work: (cwd: string) => Promise<void>): () => Promise<void> {
  return () =>
    inNewFolder(async (cwd) => {
      writeSampleFiles(cwd);
      await work(cwd);
    });
}

function tableIn(cwd: string, name: string) {
  return decodeArtefact(LatencyCodec, Deno.readTextFileSync(`${cwd}/${name}`), name);
}

Deno.test(
  "profile: a table of every layer and candidate, which plan reads",
  inSampleFolder(async (cwd) => {
    const { out, err } = await expectSuccess(["profile", "model.onnx", ...BITS, ...QUICK, "-o", "m.latency.json"], {
      cwd,
    });
    assert.equal(out, "");
    assert.match(err, /^layer +8\/8 +4\/8 +4\/4$/m);
    assert.match(err, /^network +sum of layers +measured +quartiles/m);
    const table = tableIn(cwd, "m.latency.json");
    assert.deepEqual(table.layers.map(({ name, candidates }) => [name, candidates.length]), [["Conv_0", 3], [
      "Gemm_5",
      3,
    ]]);
    assert.deepEqual(table.networks!.map(({ name }) => name), ["8/8", "4/8", "4/4", "mixture 1"]);
    assert.ok(table.measurements!.every(({ ms, rounds }) => ms > 0 && rounds === 2));
    assert.deepEqual([table.machine!.backend, table.machine!.threads, table.machine!.batch], ["wasm", 1, 1]);
    const scores = table.layers.map(({ name, candidates }) => ({
      name,
      parameters: 10,
      macs: 10,
      candidates: candidates.map(({ ms: _, quartiles: __, parts: ___, ...bits }, i) => ({ ...bits, score: i })),
    }));
    const sensitivity = { format: "dyad/sensitivity", version: 1, layers: scores };
    Deno.writeTextFileSync(`${cwd}/s.json`, JSON.stringify(sensitivity));
    for (const limit of ["100%", "between:1", "9ms"]) {
      const plan = await expectSuccess(["plan", "s.json", "--latency", "m.latency.json", "--max-latency", limit], {
        cwd,
      });
      const { totals } = decodeArtefact(PlanCodec, plan.out, "plan");
      assert.ok(totals!.latencyMs! > table.overheadMs);
    }
  }),
);

Deno.test(
  "profile: what is in the output already is not measured again, and gives the same bytes",
  inSampleFolder(async (cwd) => {
    const line = ["profile", "model.onnx", ...BITS, ...QUICK];
    const first = await expectSuccess([...line, "-o", "a.json", "--json"], { cwd });
    assert.equal(JSON.parse(first.out).reuse, undefined);
    const whole = Deno.readFileSync(`${cwd}/a.json`);
    const count = tableIn(cwd, "a.json").measurements!.length;
    const again = await expectSuccess([...line, "-o", "a.json", "--json"], { cwd });
    assert.deepEqual(JSON.parse(again.out).reuse, { reused: count, keys: count, from: "a.json" });
    assert.deepEqual(Deno.readFileSync(`${cwd}/a.json`), whole);

    const wider = await expectSuccess([
      "profile",
      "model.onnx",
      "--candidates",
      "8/8,3/3",
      ...QUICK,
      "--cache",
      "a.json",
    ], {
      cwd,
    });
    const reused = /^reused +(\d+) of (\d+) from a\.json$/m.exec(wider.err)!;
    assert.ok(Number(reused[1]) > 0 && Number(reused[1]) < Number(reused[2]), reused[0]);
    const known = new Map(tableIn(cwd, "a.json").measurements!.map((each) => [each.key, each]));
    const kept = decodeArtefact(LatencyCodec, wider.out, "out").measurements!.filter(({ key }) => known.has(key));
    assert.ok(
      kept.length >= Number(reused[1]) && kept.every((each) => assert.deepEqual(each, known.get(each.key)) ?? true),
    );

    const fresh = await expectSuccess([...line, "-o", "a.json", "--fresh"], { cwd });
    assert.doesNotMatch(fresh.err, /reused/);
  }),
);

Deno.test(
  "profile: an output of another version, machine or kind is told, and measured anew",
  inSampleFolder(async (cwd) => {
    const line = ["profile", "model.onnx", "--candidates", "8/8", ...QUICK, "-o", "a.json"];
    await expectSuccess(line, { cwd });
    const text = Deno.readTextFileSync(`${cwd}/a.json`).replace(/,\s*"integrity": ?"[0-9a-f]*"/, "");
    const cases: [string, RegExp][] = [
      [
        text.replace('"dyad": "0.1.0"', '"dyad": "0.0.1"'),
        /a\.json: was made by dyad 0\.0\.1, this is .*measuring every/,
      ],
      [text.replace('"backend": "wasm",\n    "threads"', '"backend": "scalar",\n    "threads"'), /with backend scalar/],
      ['{ "format": "dyad/latency", "version": 1, "layers": [] }', /a\.json: is no latency table to reuse/],
      ["{}", /a\.json: is no latency table to reuse; measuring everything/],
    ];
    for (const [content, note] of cases) {
      assert.notEqual(content, text);
      Deno.writeTextFileSync(`${cwd}/a.json`, content);
      const { err } = await expectSuccess(line, { cwd });
      assert.match(err, note);
      assert.doesNotMatch(err, /^reused/m);
      tableIn(cwd, "a.json");
    }
  }),
);

Deno.test(
  "profile: parts of a table that is cached merge to its bytes, and parts that are measured merge too",
  inSampleFolder(async (cwd) => {
    const line = ["profile", "model.onnx", ...BITS, ...QUICK];
    await expectSuccess([...line, "-o", "whole.json"], { cwd });
    const keys = tableIn(cwd, "whole.json").measurements!.map(({ key }) => key);
    for (const [count, cache] of [[3, ["--cache", "whole.json"]], [2, ["--fresh"]]] as const) {
      const parts = Array.from({ length: count }, (_, i) => `p${i + 1}.json`);
      const runs = await Promise.all(
        parts.map((part, i) => expectSuccess([...line, ...cache, "--shard", `${i + 1}/${count}`, "-o", part], { cwd })),
      );
      runs.forEach(({ err }, i) =>
        assert.match(err, new RegExp(`^part +${i + 1}/${count} of a dyad/latency: \\d+ `, "m"))
      );
      parts.forEach((name, i) => {
        const { records, of } = decodeArtefact(PartCodec, Deno.readTextFileSync(`${cwd}/${name}`), name);
        assert.equal(of, "dyad/latency");
        const found = records.map((record) => (record as { key: string }).key); // as LatencyRecords says
        assert.deepEqual(found, keys.filter((_, position) => position % count === i));
      });
      await expectSuccess(["merge", ...parts.toReversed(), "-o", "merged.json"], { cwd });
      if (cache[0] === "--cache") {
        assert.equal(Deno.readTextFileSync(`${cwd}/merged.json`), Deno.readTextFileSync(`${cwd}/whole.json`));
      } else assert.deepEqual(tableIn(cwd, "merged.json").measurements!.map(({ key }) => key), keys);
    }
  }),
);

badInput("profile: flags, plans and caches that cannot be used", async (pipeline) => {
  const line = "profile @model.onnx --rounds 1 --mixtures 0 --candidates 8/8,4/4 -o @new.json";
  const plan = (layers: string) =>
    pipeline.write("p.json", `{ "format": "dyad/plan", "version": 1, "layers": [${layers}] }`);
  const usage = async (more: string, pattern: RegExp) =>
    assert.match(await pipeline.refusal(`${line} ${more}`, "usage"), pattern);
  await usage("--fresh --cache @a.json", /--fresh and --cache cannot go together/);
  await usage("--candidates 9/8", /found the candidate "9\/8"/);
  await usage("--rounds 0", /--rounds: found "0", expected a positive whole number/);
  await usage("--mixtures x", /--mixtures: found "x", expected a whole number/);
  await usage("--shard 3/2", /--shard: found shard 3 of 2/);
  await usage("--backend gpu", /--backend: found "gpu", expected one of auto, native, wasm, wasm-strict, scalar/);
  await pipeline.refuses(`${line} --cache @none.json`, /none\.json/);
  plan("");
  await pipeline.refuses(`${line} --plan @p.json`, /^p\.json: not a valid dyad\/plan artefact/);
  await pipeline.refuses(`${line} --cache @p.json`, /^p\.json: /);
  plan('{ "name": "Conv_0", "bits": 8 }, { "name": "Gemm_5", "bits": "3/8" }');
  await pipeline.refuses(
    `${line} --plan @p.json`,
    /^p\.json: gives the layer "Gemm_5" 3\/8, .*--candidates 8\/8,4\/4,3\/8$/,
  );
  plan('{ "name": "Conv_0", "bits": 8 }');
  await pipeline.refuses(`${line} --plan @p.json`, /^p\.json: gives no bits to the layer "Gemm_5" of .*model\.onnx/);
  plan('{ "name": "Conv_0", "bits": 8 }, { "name": "Gemm_5", "bits": 8 }, { "name": "x", "bits": 8 }');
  await pipeline.refuses(`${line} --plan @p.json`, /^p\.json: the layer "x" is not one of .*model\.onnx$/);
  plan('{ "name": "Conv_0", "bits": 8 }, { "name": "Gemm_5", "bits": 4 }');
  await pipeline.run(`${line} --plan @p.json`);
  const { networks } = decodeArtefact(LatencyCodec, pipeline.read("new.json"), "new.json");
  assert.deepEqual(networks!.at(-1)!.bits, ["8/8", "4/4"]);
});

Deno.test("profile: with the ranges of a calibration, 16 bits of residuals, float input, the scalar backend", () =>
  inNewFolder(async (folder) => {
    writeSampleFiles(folder);
    const terminal = openTerminal({ json: false, quiet: true, colour: false });
    const data = ["--data", `${folder}/images.npy`, "--mean", "0.5", "--std", "0.25", "--method", "min-max"];
    await invoke(calibrate, [`${folder}/model.onnx`, ...data, "-o", `${folder}/c.json`], terminal);
    const calibration = ["--calibration", `${folder}/c.json`];
    await assert.rejects(invoke(profile, [MOBILE, ...calibration, "-o", `${folder}/t.json`], terminal), {
      kind: "input",
      message: /mobile\.onnx and .*c\.json are of different models/,
    });
    const flags = [...calibration, "--rounds", "1", "--residual-bits", "16", "--float-input", "--backend", "scalar"];
    await invoke(profile, [`${folder}/model.onnx`, ...flags, "-o", `${folder}/t.json`], terminal);
    const { measurements, options, inputs } = tableIn(folder, "t.json");
    assert.deepEqual(Object.keys(inputs), ["model", "calibration"]);
    assert.ok(measurements!.some(({ key }) => key.startsWith("scalar convolution 4x4x1 3x3 > 4x4x2 u8 #")));
    assert.deepEqual([options.residualBits, options.pixels, options.backend], [16, false, "scalar"]);
  }));

Deno.test("profile: stopped by a signal, nothing is written", () =>
  inNewFolder(async (cwd) => {
    const [program, ...args] = dyadCommand(["profile", MOBILE, "--rounds", "1000000", "-o", "m.json"]);
    const child = new Deno.Command(program, { args, cwd, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    await new Promise((resolve) => setTimeout(resolve, 700)); // wherever it has come to
    child.kill("SIGINT");
    const { success } = await child.status;
    assert.ok(!success);
    assert.deepEqual(namesIn(cwd), []);
  }));

Deno.test("profile: a model without layers has nothing to measure", () =>
  inNewFolder(async (cwd) => {
    const graph = { input: [info("x", ["N", 4])], output: [info("y", ["N", 4])], node: [node("Relu", "x", "y")] };
    Deno.writeFileSync(`${cwd}/relu.onnx`, model(graph));
    await expectFailure(3, /relu\.onnx: has no layers with weights/, ["profile", "relu.onnx"], { cwd });
  }));
