import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { reportError } from "../../cli/exit.ts";
import { DyadError, type ErrorKind, EXIT_CODES } from "../../lib/format/error.ts";
import { dyad, expectFailure, inNewFolder, namesIn } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

Deno.test("usage errors: exit 2, with a hint", async () => {
  await Promise.all([
    expectFailure(2, /unknown command 'quantise'\n\(Did you mean quantize\?\)/, ["quantise"]),
    expectFailure(2, /unknown option '--limt'\n\(Did you mean --limit\?\)/, ["run", "x", "--limt", "3"]),
    expectFailure(2, /missing required argument 'model'/, ["calibrate"]),
    expectFailure(2, /too many arguments/, ["schema", "plan", "plan"]),
    expectFailure(2, /--data: is required; see dyad calibrate --help/, ["calibrate", "m", "-o", "x.json"]),
    expectFailure(2, /--limit: found "0", expected a positive whole number/, ["run", "m", "--limit", "0"]),
    expectFailure(2, /--resize: found "28", expected HEIGHTxWIDTH/, ["run", "m", "--data", "d", "--resize", "28"]),
    expectFailure(2, /argument format: found "plam", expected one of calibration, /, ["schema", "plam"]),
    expectFailure(2, /one of --plan and --bits/, ["quantize", "m", "--calibration", "c", "-o", "x.json"]),
    expectFailure(2, /the artefact has two files/, ["calibrate", "m", "--data", "d"]),
    expectFailure(2, /--json prints the report on standard output/, ["plan", "s.json", "--json"]),
    expectFailure(2, /--percentile is for --method percentile/, [
      ...["calibrate", "m", "--data", "d", "-o", "x.json", "--method", "mse", "--percentile", "99"],
    ]),
  ]);
});

Deno.test("input errors: exit 3, naming the file, and nothing is written", async () => {
  await inNewFolder(async (folder) => {
    writeSampleFiles(folder);
    const options = { cwd: folder };
    Deno.writeTextFileSync(`${folder}/text.onnx`, "not a model");
    Deno.writeTextFileSync(`${folder}/other.json`, '{ "format": "dyad/latency", "version": 1, "layers": [] }');
    Deno.mkdirSync(`${folder}/folder`);
    const before = namesIn(folder);
    const output = ["-o", "new.json"];
    const data = ["--data", "images.npy"];
    await Promise.all([
      expectFailure(
        3,
        /error: gone\.onnx: there is no such file/,
        ["calibrate", "gone.onnx", ...data, ...output],
        options,
      ),
      expectFailure(3, /error: text\.onnx: /, ["calibrate", "text.onnx", ...data, ...output], options),
      expectFailure(3, /error: folder: is a folder/, ["calibrate", "folder", ...data, ...output], options),
      expectFailure(
        3,
        /error: gone\.npy: there is no/,
        ["calibrate", "model.onnx", "--data", "gone.npy", ...output],
        options,
      ),
      expectFailure(
        3,
        /error: labels\.npy: found 6 elements of u8, the model takes Nx1x4x4/,
        ["calibrate", "model.onnx", "--data", "labels.npy", ...output],
        options,
      ),
      expectFailure(3, /other\.json: found format "dyad\/latency", expected a dyad\/sensitivity/, [
        ...["plan", "other.json", ...output],
      ], options),
      expectFailure(3, /cannot write nowhere\/x\.json: there is no folder nowhere; make it first/, [
        ...["calibrate", "model.onnx", ...data, "-o", "nowhere/x.json"],
      ], options),
      expectFailure(3, /cannot write folder: is a folder/, ["schema", "plan", "-o", "folder"], options),
      expectFailure(3, /images\.npy: Deno was not allowed to read it; give deno --allow-read/, [
        ...["calibrate", "model.onnx", ...data, ...output],
      ], { ...options, permissions: ["-R", "--deny-read=images.npy", "-W"] }),
    ]);
    assert.deepEqual(namesIn(folder), before);
  });
});

Deno.test("no plan fits: exit 4, with what would", async () => {
  const table = {
    format: "dyad/sensitivity",
    version: 1,
    layers: [{ name: "a", parameters: 100, macs: 1, candidates: [{ bits: 8, score: 0 }, { bits: 4, score: 1 }] }],
  };
  await expectFailure(4, /no plan fits size 10B: the smallest that fits is 50B/, ["plan", "-", "--max-size", "10B"], {
    stdin: JSON.stringify(table),
  });
});

Deno.test("every class of error has its exit code, and only what is not the user's shows a stack", () => {
  const said: string[] = [];
  const terminal = { error: (text: string) => said.push(text) };
  for (const kind of Object.keys(EXIT_CODES) as ErrorKind[]) {
    assert.equal(reportError(new DyadError(kind, `what ${kind} is`), terminal), EXIT_CODES[kind]);
    assert.equal(said.pop(), `what ${kind} is`);
  }
  assert.equal(reportError(new TypeError("a defect"), terminal), 1);
  assert.match(said.pop()!, /^internal error.*please report it[^]*TypeError: a defect\n +at /);
  assert.equal(reportError(new Deno.errors.BrokenPipe(), terminal), 0);
  assert.deepEqual(said, []);
});

Deno.test("the program says it in colour neither without a terminal nor with NO_COLOR", async () => {
  for (const variable of ["NO_COLOR", "FORCE_COLOR"]) {
    const { err } = await dyad(["plan", "gone.json"], { env: { [variable]: "1" } });
    assert.equal(err, "dyad: error: gone.json: there is no such file or folder\n");
  }
});

Deno.test("commands are listed once", () => {
  const names = COMMANDS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
