import assert from "node:assert/strict";
import { type ArtefactHeader, encodeArtefact } from "../../lib/format/artefact.ts";
import { type Part, PartCodec } from "../../lib/format/part.ts";
import { model, smallNetwork } from "../lib/onnx/sample_model.ts";
import { badInput, type Pipeline, pipelineTest } from "./bad_input.ts";
import { dyadCommand, expectFailure, expectSuccess, inNewFolder, namesIn } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const CALIBRATE = "calibrate @model.onnx --data @images.npy --method mse";
const MERGE_CALIBRATION = "--model @model.onnx --data @images.npy -o @new.json";

/** c1.json and c2.json of a calibration, s1.json and s2.json of a sensitivity table, whole.json the table in one run. */
async function writeParts(pipeline: Pipeline): Promise<void> {
  await pipeline.run(`${CALIBRATE} -o @calibration.json`);
  const table = "sensitivity @model.onnx --calibration @calibration.json --data @images.npy --threads 1";
  await pipeline.run(`${table} -o @whole.json`);
  for (const index of [1, 2]) {
    await pipeline.run(`${CALIBRATE} --shard ${index}/2 -o @c${index}.json`);
    await pipeline.run(`${table} --shard ${index}/2 -o @s${index}.json`);
  }
}

/** Writes a part with other content, and a hash that goes with it. */
function change(pipeline: Pipeline, from: string, to: string, changes: Partial<Part & ArtefactHeader>): void {
  const content: Part & ArtefactHeader = JSON.parse(pipeline.read(from));
  pipeline.write(to, encodeArtefact(PartCodec, { ...content, ...changes }));
}

badInput("parts that do not fit together", async (pipeline, t) => {
  await writeParts(pipeline);
  const refuses = async (line: string, pattern: RegExp) => {
    await t.step(line, () => pipeline.refuses(`merge ${line}`, pattern));
  };
  await refuses("@s1.json -o @new.json", /^part 2\/2 of the dyad\/sensitivity is missing: found s1\.json alone/);
  await refuses("@s1.json @s1.json -o @new.json", /^s1\.json: is given twice, as part 1\/2 of the dyad\/sensitivity/);
  await refuses("@s1.json @c2.json -o @new.json", /^s1\.json and c2\.json are parts of different artefacts/);
  await refuses(
    "@s1.json @whole.json -o @new.json",
    /^whole\.json: found format "dyad\/sensitivity", expected a dyad\/part/,
  );
  await refuses("@s1.json @gone.json -o @new.json", /^gone\.json: there is no such file/);
  await refuses("@s1.json @model.onnx -o @new.json", /^model\.onnx: /);

  change(pipeline, "s2.json", "third.json", { shard: { index: 2, count: 3 } });
  await refuses("@s1.json @third.json -o @new.json", /^s1\.json and third\.json are parts 1\/2 and 2\/3/);
  change(pipeline, "s2.json", "options.json", { options: { candidates: [] } });
  await refuses("@s1.json @options.json -o @new.json", /^s1\.json and options\.json are made with different options: /);
  change(pipeline, "s2.json", "inputs.json", { inputs: {} });
  await refuses(
    "@s1.json @inputs.json -o @new.json",
    /^s1\.json and inputs\.json are made from different files: model: /,
  );
  change(pipeline, "s2.json", "frame.json", { frame: {} });
  await refuses("@s1.json @frame.json -o @new.json", /^s1\.json and frame\.json are of different runs: /);
  change(pipeline, "s2.json", "records.json", { records: JSON.parse(pipeline.read("s1.json")).records });
  await refuses("@s1.json @records.json -o @new.json", /^s1\.json and the other 1: found the unit of work .* twice/);
  pipeline.edit("s2.json", /"dyad": ".*?"/, '"dyad": "0.0.1"', "old.json");
  pipeline.edit("old.json", /,\s*"integrity": ?"[0-9a-f]*"/, "", "old.json");
  await refuses("@s1.json @old.json -o @new.json", /^s1\.json and old\.json are made by different versions of dyad/);
  pipeline.edit("s2.json", /"index":2/, '"index":1', "edited.json");
  await refuses("@s1.json @edited.json -o @new.json", /^edited\.json: was edited after dyad wrote it/);
  pipeline.edit("edited.json", /,\s*"integrity": ?"[0-9a-f]*"/, "", "edited.json");
  await refuses("@s1.json @edited.json -o @new.json", /^s1\.json and edited\.json are both part 1\/2/);
  pipeline.edit("edited.json", /"index":1/, '"index":3', "edited.json");
  await refuses(
    "@s1.json @edited.json -o @new.json",
    /^edited\.json: not a valid dyad\/part [^]*index from 1 to the count/,
  );
  pipeline.edit("edited.json", "dyad/sensitivity", "dyad/network", "edited.json");
  await refuses("@s1.json @edited.json -o @new.json", /^edited\.json: not a valid dyad\/part [^]*of: /);
});

badInput("parts of a calibration that cannot be merged", async (pipeline, t) => {
  await writeParts(pipeline);
  const merge = `merge @c1.json @c2.json ${MERGE_CALIBRATION}`;
  await t.step("without model or data", async () => {
    for (const flag of ["model", "data"]) {
      const line = merge.replace(new RegExp(` --${flag} \\S+`), "");
      assert.match(await pipeline.refusal(line, "usage"), new RegExp(`dyad/calibration.*; --${flag} is needed too`));
    }
  });
  await t.step("with another model", async () => {
    pipeline.write("other.onnx", model({ ...smallNetwork(), name: "other" }));
    await pipeline.refuses(merge.replace("@model", "@other"), /^other\.onnx and c1\.json are of different models/);
  });
  await t.step("with other data", async () => {
    const bytes = Deno.readFileSync(pipeline.path("images.npy"));
    pipeline.write("other.npy", bytes.with(-1, bytes.at(-1)! ^ 1));
    await pipeline.refuses(
      merge.replace("@images", "@other"),
      /^other\.npy is not the data that c1\.json was made from/,
    );
  });
  await t.step("whose tensors are others, or gone", async () => {
    Deno.copyFileSync(pipeline.path("c2.json"), pipeline.path("alone.json"));
    const alone = merge.replace("@c2", "@alone");
    await pipeline.refuses(alone, /^alone\.json: .*alone\.safetensors.*no such file/);
    Deno.copyFileSync(pipeline.path("c1.safetensors"), pipeline.path("alone.safetensors"));
    await pipeline.refuses(alone, /^alone\.json: alone\.safetensors hashes to .*make the part again/);
  });
  await t.step("whose frame or records are no calibration's", async () => {
    for (const name of ["c1", "c2"]) {
      Deno.copyFileSync(pipeline.path(`${name}.safetensors`), pipeline.path(`${name}x.safetensors`));
    }
    const changed = merge.replace("@c1", "@c1x").replace("@c2", "@c2x");
    for (const name of ["c1", "c2"]) change(pipeline, `${name}.json`, `${name}x.json`, { frame: { method: 7 } });
    await pipeline.refuses(changed, /^c1x\.json: not the frame of a part of a dyad\/calibration\n/, /method: /);
    change(pipeline, "c1.json", "c1x.json", {});
    change(pipeline, "c2.json", "c2x.json", { records: [{ samples: 2 }] });
    await pipeline.refuses(changed, /^c2x\.json: found 2 samples, expected 3/);
    change(pipeline, "c2.json", "c2x.json", { records: [] });
    await pipeline.refuses(changed, /^c2x\.json: not the records of a part of a dyad\/calibration/);
  });
});

badInput("flags of a calibration for parts of another artefact", async (pipeline) => {
  await writeParts(pipeline);
  for (const flag of ["--model @model.onnx", "--data @images.npy", "--tensors @new.safetensors"]) {
    const message = await pipeline.refusal(`merge @s1.json @s2.json ${flag} -o @new.json`, "usage");
    assert.match(message, new RegExp(`^${flag.split(" ")[0]} is for parts of a calibration, found parts of a`));
  }
});

badInput("a part where a whole artefact is expected", async (pipeline) => {
  await writeParts(pipeline);
  const expected = (name: string, of: string) =>
    new RegExp(
      `^${name}\\.json: found part 2/2 of a dyad/${of}, expected a dyad/${of} artefact; put .* dyad merge first`,
    );
  await pipeline.refuses("plan @s2.json -o @new.json", expected("s2", "sensitivity"));
  await pipeline.refuses(
    "quantize @model.onnx --calibration @c2.json --bits 8 -o @new.json",
    expected("c2", "calibration"),
  );
});

pipelineTest("merge reads and writes pipes, and reports as the command itself", async (pipeline) => {
  await writeParts(pipeline);
  const whole = pipeline.read("whole.json");
  const options = { cwd: pipeline.folder };
  const piped = await expectSuccess(["merge", "s2.json", "-", "--quiet"], {
    ...options,
    stdin: pipeline.read("s1.json"),
  });
  assert.equal(piped.out, whole);
  assert.equal(piped.err, "");
  const json = await expectSuccess(["merge", "s1.json", "s2.json", "--json", "-o", "new.json"], options);
  assert.equal(pipeline.read("new.json"), whole);
  assert.equal(JSON.parse(json.out).output, "new.json");
  await expectFailure(2, /missing required argument/, ["merge"], options);
  await expectFailure(2, /standard input can be read once/, ["merge", "-", "-"], {
    ...options,
    stdin: pipeline.read("s1.json"),
  });
  const files = ["--model", "model.onnx", "--data", "images.npy", "-o", "new.json"];
  const stdin = pipeline.read("c2.json");
  await expectFailure(2, /is two files; name its file/, ["merge", "c1.json", "-", ...files], { ...options, stdin });
});

Deno.test("a merge that is interrupted leaves nothing", () =>
  inNewFolder(async (folder) => {
    writeSampleFiles(folder);
    const model = new URL("../../testdata/models/resnet20.onnx", import.meta.url).pathname;
    const data = ["--data", new URL("../../testdata/data/calib/images.npy", import.meta.url).pathname];
    const shard = ["calibrate", model, ...data, "--limit", "16", "--shard", "1/1", "-o", `${folder}/part.json`];
    await expectSuccess(shard);
    const before = namesIn(folder);
    const merge = ["merge", `${folder}/part.json`, "--model", model, ...data, "-o", `${folder}/new.json`];
    const [program, ...args] = dyadCommand(merge);
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    child.kill("SIGINT");
    assert.equal((await child.status).code, 130);
    assert.deepEqual(namesIn(folder), before);
  }));
