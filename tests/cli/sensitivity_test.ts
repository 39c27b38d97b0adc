import assert from "node:assert/strict";
import { needsRounds } from "../../lib/sensitivity/measurements/mod.ts";
import { METRICS } from "../../lib/sensitivity/metrics/mod.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const CLI = `${ROOT}cli/main.ts`;
const TESTDATA = new URL("../../testdata/", import.meta.url).pathname;
const DATA = [`--data=${TESTDATA}data/calib/images.npy`, `--labels=${TESTDATA}data/calib/labels.npy`];

function command(...args: string[]): Deno.Command {
  const run = ["run", "--quiet", "--allow-read", "--allow-write", CLI, ...args];
  return new Deno.Command(Deno.execPath(), { args: run, stdin: "null", stdout: "piped", stderr: "piped" });
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function outcomeOf({ code, stdout, stderr }: Deno.CommandOutput): Outcome {
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function dyad(...args: string[]): Promise<Outcome> {
  return outcomeOf(await command(...args).output());
}

async function succeed(...args: string[]): Promise<Outcome> {
  const outcome = await dyad(...args);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function linesOf(path: string): number {
  return exists(path) ? Deno.readTextFileSync(path).split("\n").length - 1 : 0;
}

/** Starts a command, interrupts it once the journal holds so many lines, and waits for its end. */
async function interrupted(journal: string, lines: number, args: readonly string[]): Promise<Outcome> {
  const child = command(...args).spawn();
  const output = child.output();
  let isRunning = true;
  child.status.then(() => isRunning = false);
  while (isRunning && linesOf(journal) < lines) await new Promise((resolve) => setTimeout(resolve, 5));
  if (isRunning) child.kill("SIGINT");
  return outcomeOf(await output);
}

Deno.test("sensitivity of resnet20: interrupted, gone on with, started over, and refused", async (t) => {
  const folder = Deno.makeTempDirSync();
  const calibration = `${folder}/resnet20.calibration.json`;
  const table = (name: string, ...more: string[]) => [
    "sensitivity",
    `${TESTDATA}models/resnet20.onnx`,
    `--calibration=${calibration}`,
    ...DATA,
    "--candidates=4/4",
    "--limit=192",
    `--output=${folder}/${name}`,
    ...more,
  ];
  try {
    await succeed(
      "calibrate",
      `${TESTDATA}models/resnet20.onnx`,
      DATA[0],
      "--limit=4",
      "--method=min-max",
      `--output=${calibration}`,
    );
    let whole = new Uint8Array();

    await t.step("a whole run leaves the table and no journal, and says what it found", async () => {
      const { stdout, stderr } = await succeed(...table("whole.json", "--threads=1"));
      whole = Deno.readFileSync(`${folder}/whole.json`);
      assert.equal(stdout, "");
      assert.match(stderr, /^layer +8\/8 +4\/4$/m);
      assert.match(stderr, /^\/conv1\/Conv .* fixed at 8\/8$/m);
      assert.match(stderr, /^\/layers\/layers\.3\/down\/down\.0\/Conv .* tied to \/layers\/layers\.3\/conv2\/Conv$/m);
      assert.match(stderr, /^samples +192$/m);
      assert.ok(!exists(`${folder}/whole.json.partial`));
    });

    const journal = `${folder}/parts.json.partial`;

    for (const [threads, later] of [[1, 2], [2, 3]]) {
      await t.step(
        `SIGINT stops ${threads} threads with 130, keeps the finished part and writes no table`,
        async () => {
          const { code, stdout, stderr } = await interrupted(journal, 2, table("parts.json", `--threads=${threads}`));
          assert.equal(code, 130, stderr);
          assert.equal(stdout, "");
          assert.match(stderr, /interrupted; .*parts\.json\.partial, run the same command to go on/);
          assert.ok(linesOf(journal) >= 2 && !exists(`${folder}/parts.json`));
          Deno.copyFileSync(journal, `${folder}/other.json.partial`);
        },
      );

      await t.step(
        `the same command on ${later} threads goes on, even behind a torn line, to the same bytes`,
        async () => {
          Deno.writeTextFileSync(journal, '{"measurement":"trials","round":0,"chu', { append: true });
          const { stderr } = await succeed(...table("parts.json", `--threads=${later}`));
          assert.match(stderr, /going on from .*parts\.json\.partial, where \d+ units? of work (is|are) done/);
          assert.deepEqual(Deno.readFileSync(`${folder}/parts.json`), whole);
          assert.ok(!exists(journal));
          Deno.removeSync(`${folder}/parts.json`);
        },
      );
    }

    await t.step("a journal of an older dyad is left aside", async () => {
      const old = `{"format":"dyad/sensitivity-journal","version":1,"dyad":"0.1.0","chunkImages":8}\n`;
      Deno.writeTextFileSync(`${folder}/old.json.partial`, old);
      const { stderr } = await succeed(...table("old.json", "--limit=1"));
      assert.match(stderr, /warning: .*old\.json\.partial: .*no journal of this version changed since; starting from/);
    });

    await t.step("the program bundled into one file shares the work too", async () => {
      const bundle = ["bundle", "--quiet", "--output", `${folder}/dyad.js`, CLI];
      const made = await new Deno.Command(Deno.execPath(), { args: bundle, cwd: ROOT, stderr: "piped" }).output();
      assert.ok(made.success, new TextDecoder().decode(made.stderr));
      const args = [
        "run",
        "--quiet",
        "-R",
        "-W",
        `${folder}/dyad.js`,
        ...table("bundled.json", "--limit=9", "--threads=2"),
      ];
      const { code, stderr } = outcomeOf(
        await new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "piped" }).output(),
      );
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /in one thread/);
    });

    await t.step("a program that may not read itself works in one thread, to the same bytes", async () => {
      const args = ["run", "--quiet", "--no-prompt", `--allow-read=${TESTDATA},${folder}`, `--allow-write=${folder}`];
      const { code, stderr } = outcomeOf(
        await new Deno.Command(Deno.execPath(), {
          args: [...args, CLI, ...table("alone.json", "--limit=9", "--threads=2")],
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        }).output(),
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^dyad: going on in one thread: Workers could not be started: .*main\.ts$/m);
      assert.deepEqual(Deno.readFileSync(`${folder}/alone.json`), Deno.readFileSync(`${folder}/bundled.json`));
    });

    await t.step("--metrics measures these and what plan minimises, all of them with all", async () => {
      const columns = async (...flags: string[]) => {
        await succeed(...table("some.json", "--limit=1", ...flags));
        const { options, layers } = JSON.parse(Deno.readTextFileSync(`${folder}/some.json`));
        const found = Object.keys(layers[1].candidates[0].scores);
        assert.deepEqual(options.metrics, flags.length === 0 ? undefined : found);
        return found;
      };
      assert.deepEqual(await columns("--metrics=weight-error,mse", "--metric=loss"), ["mse", "weight-error", "loss"]);
      assert.deepEqual(await columns(), METRICS.map(({ name }) => name).filter((name) => !needsRounds([name])));
      assert.deepEqual(await columns("--metrics=all", "--probes=1"), METRICS.map(({ name }) => name));
    });

    await t.step("with other options it starts over and says why", async () => {
      const { stderr } = await succeed(...table("other.json", "--limit=2"));
      assert.match(stderr, /warning: .*other\.json\.partial: an earlier run was stopped, but the option limit changed/);
      assert.equal(JSON.parse(Deno.readTextFileSync(`${folder}/other.json`)).samples, 2);
      assert.ok(!exists(`${folder}/other.json.partial`));
    });

    await t.step("standard output gets the same bytes as a file, and --json the report", async () => {
      const few = ["--limit=2", "--seed=3"];
      const { stdout } = await succeed(...table("-", ...few, "--output=-", "--quiet"));
      const { stdout: report, stderr } = await succeed(...table("seeded.json", ...few, "--json", "--quiet"));
      assert.equal(Deno.readTextFileSync(`${folder}/seeded.json`), stdout);
      assert.equal(stderr, "");
      const { metric, layers } = JSON.parse(report);
      assert.equal(metric, "soft-kl");
      assert.ok(layers.length === 22 && layers[1].scores["4/4"] > 0);
    });

    await t.step("a calibration of another model is exit 3 and leaves nothing behind", async () => {
      const args = table("bad.json").map((arg) => arg.replace("resnet20.onnx", "mobile.onnx"));
      const { code, stderr } = await dyad(...args);
      assert.equal(code, 3);
      assert.match(stderr, /mobile\.onnx and .*resnet20\.calibration\.json are of different models/);
      assert.ok(!exists(`${folder}/bad.json`) && !exists(`${folder}/bad.json.partial`));
    });

    await t.step("wrong candidates, metrics and methods are named", async () => {
      const refused = async (expected: number, pattern: RegExp, ...more: string[]) => {
        const { code, stderr } = await dyad(...table("bad.json", ...more));
        assert.equal(code, expected, stderr);
        assert.match(stderr, pattern);
        assert.ok(!exists(`${folder}/bad.json`) && !exists(`${folder}/bad.json.partial`));
      };
      await refused(2, /--candidates: found the candidate "9\/8"/, "--candidates=9/8");
      await refused(2, /--metric: found "hessian", expected .*kl/, "--metric=hessian");
      await refused(2, /--metrics: found "hessian", expected .*kl/, "--metrics=kl,hessian");
      await refused(2, /--probes is for the metrics fisher, hessian-trace; add one to/, "--probes=4", "--metrics=kl");
      await refused(2, /--shard needs --probes N to measure hessian-trace: /, "--shard=1/2", "--metrics=hessian-trace");
      await refused(3, /resnet20\.calibration\.json: tensor "input": .*method "median"/, "--method=median");
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("sensitivity --help gives the formula of every metric", async () => {
  const { stdout } = await succeed("sensitivity", "--help");
  const flat = stdout.replace(/\s+/g, " ");
  for (const name of ["kl: Mean over images", "weight-error: ", "loss: ", "Example"]) {
    assert.ok(flat.includes(name), name);
  }
});
