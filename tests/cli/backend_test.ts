import assert from "node:assert/strict";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { expectFailure, expectSuccess, inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const ALLOWED = ["-R", "-W", "--allow-ffi"];
const isAvailable = nativeStatus().isAvailable;

async function makeNetwork(cwd: string): Promise<void> {
  writeSampleFiles(cwd);
  await expectSuccess(["calibrate", "model.onnx", "--data", "images.npy", "-o", "m.calibration.json"], { cwd });
  const quantize = ["quantize", "model.onnx", "--calibration", "m.calibration.json", "--bits", "8"];
  await expectSuccess([...quantize, "-o", "m.dyad.json"], { cwd });
}

Deno.test("run: every backend gives the same bytes; auto takes native code where that is allowed", async () => {
  await inNewFolder(async (cwd) => {
    await makeNetwork(cwd);
    const run = ["run", "m.dyad.json", "--data", "images.npy", "--json"];
    const cases = [
      { flags: ["--backend", "scalar"], used: "scalar" },
      { flags: ["--backend", "wasm"], used: "wasm" },
      { flags: [], used: "wasm" },
      { flags: [], permissions: ALLOWED, used: isAvailable ? "native" : "wasm" },
      ...isAvailable
        ? [{ flags: ["--backend", "native", "--threads", "2"], permissions: ALLOWED, used: "native" }]
        : [],
    ];
    const outputs: Uint8Array[] = [];
    for (const { flags, permissions, used } of cases) {
      const { out, err } = await expectSuccess([...run, ...flags, "-o", "outputs.npy"], { cwd, permissions });
      assert.equal(err, "");
      assert.equal(JSON.parse(out).backend, used);
      outputs.push(Deno.readFileSync(`${cwd}/outputs.npy`));
    }
    for (const output of outputs) assert.deepEqual(output, outputs[0]);
  });
});

Deno.test("--backend native without --allow-ffi is refused, and says what to do", async () => {
  await inNewFolder(async (cwd) => {
    await makeNetwork(cwd);
    const argv = ["run", "m.dyad.json", "--data", "images.npy", "--backend", "native"];
    await expectFailure(2, /--backend native: native code needs --allow-ffi; take --backend auto or wasm/, argv, {
      cwd,
    });
  });
});
