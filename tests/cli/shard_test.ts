import assert from "node:assert/strict";
import { SHARD } from "../../cli/shard.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { info, model, smallNetwork } from "../lib/onnx/sample_model.ts";
import { expectError } from "../lib/format/expect_error.ts";
import { type Pipeline, pipelineTest } from "./bad_input.ts";
import { IMAGE_SIZE } from "./sample_files.ts";

Deno.test("--shard takes a share of a number of shares", () => {
  assert.deepEqual(SHARD.parse("2/4"), { index: 2, count: 4 });
  assert.deepEqual(SHARD.parse(" 1 / 1 "), { index: 1, count: 1 });
  assert.deepEqual(SHARD.parse("07/10"), { index: 7, count: 10 });
  for (const text of ["", "2", "2/", "/4", "2/4/1", "-1/4", "1.5/4", "a/b", "2 of 4", "1/9999999999"]) {
    expectError("usage", () => SHARD.parse(text), `found ${JSON.stringify(text)}, expected INDEX/COUNT, like 2/4`);
  }
  expectError("usage", () => SHARD.parse("0/4"), "found shard 0 of 4, expected 1/4 to 4/4");
  expectError("usage", () => SHARD.parse("5/4"), "found shard 5 of 4, expected 1/4 to 4/4");
  expectError("usage", () => SHARD.parse("0/0"), /found 0 shards .*expected 1 to/);
  expectError("usage", () => SHARD.parse("1/2000000"), /found 2000000 shards/);
});

/** Samples in the data of these tests: three chunks of sensitivity's eight. */
const SAMPLES = 19;
/** One, fewer than the samples, and more than there are. */
const SHARDS = [1, 3, 4, 23];

function writeData(pipeline: Pipeline): void {
  const random = seededRandom(7);
  const pixels = Uint8Array.from({ length: SAMPLES * IMAGE_SIZE }, () => random.integer(0, 255));
  const floats = Float32Array.from({ length: SAMPLES * IMAGE_SIZE }, () => random.normal());
  const labels = Uint8Array.from({ length: SAMPLES }, () => random.integer(0, 2));
  pipeline.write("pixels.npy", encodeNpy(tensor("u8", [SAMPLES, 1, 4, 4], pixels)));
  pipeline.write("floats.npy", encodeNpy(tensor("f32", [SAMPLES, 1, 4, 4], floats)));
  pipeline.write("classes.npy", encodeNpy(tensor("u8", [SAMPLES], labels)));
}

function bytesOf(pipeline: Pipeline, name: string): Uint8Array {
  return Deno.readFileSync(pipeline.path(name));
}

/** Files of all shards of a command, given to merge last first. */
async function mergeShards(pipeline: Pipeline, line: string, count: number, mergeFlags: string): Promise<void> {
  const names: string[] = [];
  for (let index = 1; index <= count; index++) {
    names.unshift(`@part${index}.json`);
    await pipeline.run(`${line} --shard ${index}/${count} -o @part${index}.json`);
  }
  await pipeline.run(`merge ${names.join(" ")} ${mergeFlags}-o @merged.json`);
}

const CALIBRATIONS: readonly (readonly [data: string, flags: string])[] = [
  ["pixels.npy", "--mean 0.5 --std 0.25"],
  ["pixels.npy", "--limit 10 --seed 3 --batch 2"],
  ["pixels.npy", "--limit 7 --method percentile --percentile 99.95"],
  ["floats.npy", "--method entropy"],
  ["floats.npy", "--limit 5 --mean 0.5"],
];

for (const [data, flags] of CALIBRATIONS) {
  pipelineTest(`calibrate ${data} ${flags} in shards is calibrate in one run`, async (pipeline) => {
    writeData(pipeline);
    const line = `calibrate @model.onnx --data @${data} ${flags}`;
    await pipeline.run(`${line} -o @whole.json`);
    for (const count of SHARDS) {
      await mergeShards(pipeline, line, count, `--model @model.onnx --data @${data} `);
      assert.deepEqual(pipeline.read("merged.json"), pipeline.read("whole.json"), `${count} shards`);
      assert.deepEqual(bytesOf(pipeline, "merged.safetensors"), bytesOf(pipeline, "whole.safetensors"));
    }
    assert.doesNotMatch(pipeline.read("whole.json"), /shard/);
  });
}

pipelineTest(
  "a calibration in shards of a model that leaves extents open needs no --input-shape to be merged",
  async (pipeline) => {
    writeData(pipeline);
    pipeline.write("open.onnx", model({ ...smallNetwork(), input: [info("x", ["N", 1, "H", "W"])] }));
    const line = "calibrate @open.onnx --input-shape x=1x1x4x4 --data @pixels.npy";
    await pipeline.run(`${line} -o @whole.json`);
    await mergeShards(pipeline, line, 2, "--model @open.onnx --data @pixels.npy ");
    assert.equal(pipeline.read("merged.json"), pipeline.read("whole.json"));
  },
);

const TABLES = [
  "",
  "--labels @classes.npy --candidates 8/8,4/4,2/8 --metric loss",
  "--limit 9 --seed 2",
  "--labels @classes.npy --metrics all --probes 2 --probe-seed 5 --candidates 4/4",
];

for (const flags of TABLES) {
  pipelineTest(`sensitivity${flags && ` ${flags}`} in shards is sensitivity in one run`, async (pipeline) => {
    writeData(pipeline);
    await pipeline.run("calibrate @model.onnx --data @pixels.npy --method mse -o @c.json");
    const line = `sensitivity @model.onnx --calibration @c.json --data @pixels.npy ${flags} --threads 1`
      .replace("  ", " ");
    await pipeline.run(`${line} -o @whole.json`);
    for (const count of SHARDS) {
      await mergeShards(pipeline, line, count, "");
      assert.deepEqual(pipeline.read("merged.json"), pipeline.read("whole.json"), `${count} shards`);
    }
    assert.doesNotMatch(pipeline.read("whole.json"), /shard/);
  });
}
