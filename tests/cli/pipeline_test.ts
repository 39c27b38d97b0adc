import assert from "node:assert/strict";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../lib/format/calibration.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { decodeNpy } from "../../lib/format/npy.ts";
import { dyad, dyadCommand, expectFailure, expectSuccess, inNewFolder, namesIn } from "./dyad.ts";
import { IMAGE_SIZE, IMAGES, writeSampleFiles } from "./sample_files.ts";

const CALIBRATE = ["calibrate", "model.onnx", "--data", "images.npy", "--mean", "0.5", "--std", "0.25"];

Deno.test("calibrate, quantize and run", async (t) => {
  await inNewFolder(async (cwd) => {
    writeSampleFiles(cwd);
    const read = (name: string): string => Deno.readTextFileSync(`${cwd}/${name}`);

    await t.step("calibrate writes two files that name what they were made from", async () => {
      const { out, err } = await expectSuccess([...CALIBRATE, "-o", "m.calibration.json", "--json"], { cwd });
      assert.equal(err, "");
      const report = JSON.parse(out);
      assert.deepEqual([report.output, report.tensorsFile, report.samples], [
        ...["m.calibration.json", "m.calibration.safetensors", IMAGES],
      ]);
      const found = decodeArtefact(CalibrationCodec, read("m.calibration.json"), "calibration");
      assert.equal(found.inputs.model.sha256, sha256(Deno.readFileSync(`${cwd}/model.onnx`)));
      assert.equal(found.inputs.data.sha256, sha256(Deno.readFileSync(`${cwd}/images.npy`)));
      assert.equal(found.tensorsFile!.sha256, sha256(Deno.readFileSync(`${cwd}/m.calibration.safetensors`)));
      assert.deepEqual(found.preprocess?.mean, [0.5]);
      assert.ok(!read("m.calibration.json").includes(cwd), "no machine paths");
    });

    await t.step("the same again, in other batches and under other names, gives the same bytes", async () => {
      await Deno.mkdir(`${cwd}/-odd näme 日本`);
      Deno.copyFileSync(`${cwd}/model.onnx`, `${cwd}/-odd näme 日本/-m.onnx`);
      const folder = "./-odd näme 日本";
      await expectSuccess([
        ...["calibrate", "--batch", "1", "--data", "../images.npy", "--mean", "0.5", "--std=0.25", "--tensors=t"],
        ...["-o", "-out put.json", "--", "-m.onnx"],
      ], { cwd: `${cwd}/${folder}` });
      assert.equal(Deno.readTextFileSync(`${cwd}/${folder}/-out put.json`), read("m.calibration.json"));
      assert.deepEqual(namesIn(`${cwd}/${folder}`), ["-m.onnx", "-out put.json", "t"]);
    });

    await t.step("a seed chooses the samples", async () => {
      const choose = (seed: string, name: string): Promise<unknown> =>
        expectSuccess([...CALIBRATE, "--limit", "3", "--seed", seed, "--method", "min-max", "-o", name], { cwd });
      await Promise.all([choose("1", "s1.json"), choose("1", "s2.json"), choose("2", "s3.json")]);
      assert.equal(read("s1.json"), read("s2.json"));
      const [one, two] = ["s1.json", "s3.json"].map((name) => decodeArtefact(CalibrationCodec, read(name), name));
      assert.deepEqual([one.samples, one.options], [3, { method: "min-max", seed: 1 }]);
      assert.notDeepEqual(one.tensors, two.tensors);
    });

    await t.step("artefacts go through pipes", async () => {
      const { out, err } = await expectSuccess([
        ...[
          "quantize",
          "model.onnx",
          "--calibration",
          "-",
          "--bits",
          "8",
          "--tensors",
          "m.dyad.safetensors",
          "--quiet",
        ],
      ], { cwd, stdin: read("m.calibration.json") });
      assert.equal(err, "");
      assert.ok(namesIn(cwd).includes("m.dyad.safetensors"));
      Deno.writeTextFileSync(`${cwd}/m.dyad.json`, out);
      const streamed = await expectSuccess([
        ...[
          "run",
          "-",
          "--tensors",
          "m.dyad.safetensors",
          "--data",
          "images.npy",
          "--top-k",
          "1",
          "--classes",
          "classes.txt",
        ],
      ], { cwd, stdin: out });
      const lines = JSON.parse(streamed.out);
      assert.equal(lines.length, IMAGES);
      assert.deepEqual(Object.keys(lines[0].top[0]), ["class", "name", "score"]);
    });

    await t.step("both tiers and the stream give the same integers; the float network is near", async () => {
      const run = ["run", "m.dyad.json", "--data", "images.npy"];
      const images = decodeNpy(Deno.readFileSync(`${cwd}/images.npy`), "images").data as Uint8Array;
      const [fast, scalar, real, float, stream] = await Promise.all([
        expectSuccess([...run, "--output-format", "npy"], { cwd }),
        expectSuccess([...run, "--backend", "scalar", "--output-format", "npy"], { cwd }),
        expectSuccess([...run, "--dequantize", "--output-format", "npy"], { cwd }),
        expectSuccess([
          ...["run", "model.onnx", "--data", "images.npy", "--mean", "0.5", "--std", "0.25", "--output-format", "npy"],
        ], { cwd }),
        expectSuccess(["run", "m.dyad.json", "--stream", "--top-k", "3"], { cwd, stdin: images }),
      ]);
      assert.deepEqual(fast.stdout, scalar.stdout);
      const integers = decodeNpy(fast.stdout, "integers");
      assert.deepEqual([integers.dtype, integers.shape], ["i32", [IMAGES, 3]]);
      const [dequantized, expected] = [real, float].map(({ stdout }) => decodeNpy(stdout, "reals"));
      assert.equal(dequantized.dtype, "f32");
      expected.data.forEach((value, i) => assert.ok(Math.abs(Number(value) - Number(dequantized.data[i])) < 0.1));
      const frames = stream.out.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.equal(frames.length, IMAGES);
      for (const { index, top } of frames) {
        for (const entry of top) assert.equal(entry.score, integers.data[3 * index + entry.class]);
      }
    });

    await t.step("top-1 and latency in the report, nothing on standard output but it", async () => {
      const { out } = await expectSuccess([
        ...[
          "run",
          "m.dyad.json",
          "--data",
          "images.npy",
          "--labels",
          "labels.npy",
          "--limit",
          "4",
          "--latency",
          "--json",
        ],
      ], { cwd });
      const { images, correct, top1, latency, output } = JSON.parse(out);
      assert.equal(images, 4);
      assert.equal(top1, correct / 4);
      assert.ok(latency.p10Ms <= latency.medianMs && latency.medianMs <= latency.p90Ms);
      assert.equal(output, undefined);
    });

    await t.step("files that do not belong together are refused, and nothing changes", async () => {
      const before = namesIn(cwd);
      const layers = [{ name: "nothing", bits: 8 }];
      Deno.writeTextFileSync(`${cwd}/p.json`, JSON.stringify({ format: "dyad/plan", version: 1, layers }));
      Deno.writeFileSync(`${cwd}/other.onnx`, withProducer(Deno.readFileSync(`${cwd}/model.onnx`)));
      const quantize = ["--calibration", "m.calibration.json", "-o", "new.dyad.json"];
      await Promise.all([
        expectFailure(3, /other\.onnx and m\.calibration\.json are of different models/, [
          ...["quantize", "other.onnx", "--bits", "8", ...quantize],
        ], { cwd }),
        expectFailure(3, /p\.json: names the layer "nothing", which model\.onnx does not have/, [
          ...["quantize", "model.onnx", "--plan", "p.json", ...quantize],
        ], { cwd }),
        expectFailure(2, /--mean is 0\.1, but m\.dyad\.json was made with 0\.5/, [
          ...["run", "m.dyad.json", "--data", "images.npy", "--mean", "0.1"],
        ], { cwd }),
        expectFailure(2, /--stream reads frames .* leave --data out/, [
          ...["run", "m.dyad.json", "--stream", "--data", "images.npy"],
        ], { cwd }),
        expectFailure(2, /standard input can be read once/, [
          ...["quantize", "-", "--calibration", "-", "--bits", "8", "-o", "new.dyad.json"],
        ], { cwd, stdin: Deno.readFileSync(`${cwd}/model.onnx`) }),
      ]);
      const cut = await dyad(["run", "m.dyad.json", "--stream"], { cwd, stdin: new Uint8Array(IMAGE_SIZE + 3) });
      assert.equal(cut.code, 3);
      assert.match(cut.err, /ended after 3 bytes of frame 1, expected 16/);
      assert.deepEqual(namesIn(cwd), [...before, "other.onnx", "p.json"].sort());
    });

    await t.step("a reader that stops early is no error", async () => {
      if (Deno.build.os === "windows") return;
      const command = dyadCommand(["schema", "network"]).map((word) => `'${word}'`).join(" ");
      const args = ["-c", `${command} | head -c 1; echo " \${PIPESTATUS[0]}"`];
      const { stdout, stderr } = await new Deno.Command("bash", { args }).output();
      assert.equal(new TextDecoder().decode(stdout), "{ 0\n");
      assert.equal(new TextDecoder().decode(stderr), "");
    });

    await t.step("a full disk is an error of its own, on standard output too", async () => {
      if (Deno.build.os !== "linux") return;
      const command = dyadCommand(["schema", "network"]).map((word) => `'${word}'`).join(" ");
      const { code, stderr } = await new Deno.Command("sh", { args: ["-c", `${command} > /dev/full`] }).output();
      assert.equal(code, 3);
      const expected = "dyad: error: cannot write (standard output): no space left on the device\n";
      assert.equal(new TextDecoder().decode(stderr), expected);
    });
  });
});

/** The model with another producer name (field 2 of ModelProto) appended: other bytes, the same network. */
function withProducer(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes, 0x12, 1, 0x78);
}
