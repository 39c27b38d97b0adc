import assert from "node:assert/strict";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../lib/format/calibration.ts";
import { NetworkCodec } from "../../lib/format/network.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { expectSuccess, inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const CALIBRATE = ["calibrate", "model.onnx", "--data", "floats.npy", "--method", "min-max", "-o", "m.json"];

/** Calibrates with float images (pixel / 255 - 0.5) / 0.25 and these flags, and quantizes. */
async function inputOf(flags: readonly string[]) {
  let found: { preprocess?: unknown; kind: string; err: string } | undefined;
  await inNewFolder(async (cwd) => {
    writeSampleFiles(cwd);
    const data = Float32Array.from({ length: 96 }, (_, i) => Math.fround((i * 2 / 255 - 0.5) / 0.25));
    Deno.writeFileSync(`${cwd}/floats.npy`, encodeNpy(tensor("f32", [6, 1, 4, 4], data)));
    const { err } = await expectSuccess([...CALIBRATE, ...flags], { cwd });
    const quantize = ["quantize", "model.onnx", "--calibration", "m.json", "--bits", "8", "-o", "m.dyad.json"];
    await expectSuccess(quantize, { cwd });
    const read = (name: string): string => Deno.readTextFileSync(`${cwd}/${name}`);
    const { preprocess } = decodeArtefact(CalibrationCodec, read("m.json"), "calibration");
    const { input: { kind } } = decodeArtefact(NetworkCodec, read("m.dyad.json"), "network");
    found = { preprocess, kind, err };
  });
  return found!;
}

Deno.test("float images are normalised pixels only where flags say so", async () => {
  const [silent, said, wrong] = await Promise.all([
    inputOf([]),
    inputOf(["--mean", "0.5", "--std", "0.25"]),
    inputOf(["--mean", "0.3", "--std", "0.25"]),
  ]);
  assert.equal(silent.preprocess, undefined);
  assert.equal(silent.kind, "quantized");
  assert.match(silent.err, /floats\.npy: the float data are the network's input as they are; .*give --mean/);
  assert.deepEqual(said.preprocess, { layout: "NCHW", channels: 1, mean: [0.5], std: [0.25], scale: 255 });
  assert.equal(said.kind, "pixels");
  assert.doesNotMatch(said.err, /floats\.npy/);
  assert.match(wrong.err, /warning: floats\.npy: .*not pixels normalised with mean 0\.3.*not normalised again/);
});
