import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dyadCommand, expectSuccess, inNewFolder, namesIn } from "./dyad.ts";

const TESTDATA = fileURLToPath(new URL("../../testdata/", import.meta.url));
const RUN = [
  ...["run", `${TESTDATA}models/mobile.onnx`, "--mean", "0.286", "--std", "0.353"],
  ...["--data", `${TESTDATA}data/idx/t10k-images-idx3-ubyte.gz`],
  ...["--labels", `${TESTDATA}data/idx/t10k-labels-idx1-ubyte.gz`],
];

Deno.test("run: the same bytes and the same report on any number of threads", async () => {
  await inNewFolder(async (cwd) => {
    const reports = await Promise.all(["1", "2", "3"].map(async (threads) => {
      const argv = [...RUN, "--limit", "200", "--threads", threads, "--json"];
      const report = async (format: string, more: readonly string[]): Promise<unknown> => {
        const file = `${threads}.${format}`;
        const { out, err } = await expectSuccess([...argv, ...more, "-o", file], { cwd });
        assert.equal(err, "");
        const { output, latency, ...rest } = JSON.parse(out);
        assert.equal(output, file);
        assert.equal(latency?.images, more.length > 0 ? 200 : undefined);
        return rest;
      };
      return [await report("npy", []), await report("json", ["--latency"])];
    }));
    for (const threads of ["2", "3"]) {
      for (const format of ["npy", "json"]) {
        const [one, several] = ["1", threads].map((n) => Deno.readFileSync(`${cwd}/${n}.${format}`));
        assert.deepEqual(several, one, `${format} on ${threads} threads`);
      }
    }
    assert.ok(reports.every((report) => report.length === 2));
    for (const report of reports.flat()) assert.deepEqual(report, reports[0][0]);
  });
});

Deno.test("run: threads that compute each image together give the same outputs; the report says how many", async () => {
  await inNewFolder(async (cwd) => {
    const model = `${TESTDATA}models/mobile.onnx`;
    const data = ["--data", `${TESTDATA}data/calib/images.npy`];
    const pixels = [...data, "--limit", "8", "--mean", "0.286", "--std", "0.353"];
    await expectSuccess(["calibrate", model, ...pixels, "--method", "min-max", "-o", "c.json"], { cwd });
    await expectSuccess(["quantize", model, "--calibration", "c.json", "--bits", "8", "-o", "m.dyad.json"], { cwd });
    const frames = Uint8Array.from({ length: 20 * 28 * 28 }, (_, i) => i * i % 251);
    const run = ["run", "m.dyad.json", "--backend", "wasm"];
    const several = Math.min(2, navigator.hardwareConcurrency);
    const results = await Promise.all([1, 2].map(async (threads) => {
      const outputs = await Promise.all(["1", "20"].map(async (limit) => {
        const file = `${limit}.${threads}.npy`;
        const argv = [...run, ...data, "--limit", limit, "--threads", String(threads), "--latency", "--json"];
        const { out, err } = await expectSuccess([...argv, "-o", file], { cwd });
        assert.equal(err, "");
        assert.equal(JSON.parse(out).latency.threads, threads === 1 ? 1 : several);
        return Deno.readFileSync(`${cwd}/${file}`);
      }));
      const stream = await expectSuccess([...run, "--stream", "--threads", String(threads)], { cwd, stdin: frames });
      assert.equal(stream.out.trimEnd().split("\n").length, 20);
      return { outputs, stream };
    }));
    assert.deepEqual(results[1], results[0]);
    await expectSuccess([...run, ...data, "--limit", "1", "--threads", "2", "-o", "x.npy"], { cwd });
    assert.deepEqual(Deno.readFileSync(`${cwd}/x.npy`), results[0].outputs[0]);
  });
});

Deno.test({
  name: "run: a signal ends it and its Workers, and leaves nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await inNewFolder(async (cwd) => {
      for (const threads of ["1", "2"]) {
        const slow = RUN.map((word) => word.replace("mobile.onnx", "resnet20.onnx"));
        const [program, ...args] = dyadCommand([...slow, "--threads", threads, "-o", "out.json"]);
        const child = new Deno.Command(program, { args, cwd, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        child.kill("SIGINT");
        const { signal, stderr } = await child.output();
        assert.equal(signal, "SIGINT");
        assert.equal(new TextDecoder().decode(stderr), "");
        assert.deepEqual(namesIn(cwd), []);
      }
    });
  },
});
