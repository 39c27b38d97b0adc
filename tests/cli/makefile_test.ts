import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dyadCommand, inNewFolder, namesIn } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

const MAKEFILE = fileURLToPath(new URL("../../testdata/pipeline/Makefile", import.meta.url));
const MODELS = fileURLToPath(new URL("../../testdata/models/", import.meta.url));

/** Small enough that a step takes less than a second. */
const SMALL = {
  MODEL: `${MODELS}mobile.onnx`,
  OUT: "out",
  CALIBRATE_FLAGS: "--limit 4 --method min-max",
  SENSITIVITY_FLAGS: "--limit 1 --candidates 8/8,4/4",
  VERIFY_FLAGS: "--limit 1",
  UNIFORM_BITS: "4",
  DYAD: dyadCommand(["--quiet"]).join(" "),
};

const hasMake = await isGnuMake();
if (!hasMake) console.warn("makefile_test: skipped, there is no GNU make on the PATH");

async function isGnuMake(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("make", { args: ["--version"], stderr: "null" }).output();
    return new TextDecoder().decode(stdout).startsWith("GNU Make");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

interface Outcome {
  readonly code: number;
  readonly err: string;
  /** What dyad was told to do, as `plan` or `quantize mixed`, sorted since steps may run at once. */
  readonly steps: readonly string[];
}

function makeCommand(cwd: string, variables: Record<string, string>, flags: readonly string[] = []): Deno.Command {
  const words = Object.entries({ ...SMALL, ...variables }).map(([name, value]) => `${name}=${value}`);
  return new Deno.Command("make", {
    args: ["-f", MAKEFILE, ...flags, ...words],
    cwd,
    env: { MAKEFLAGS: "", LC_ALL: "C" },
    stdout: "piped",
    stderr: "piped",
  });
}

async function make(cwd: string, variables: Record<string, string> = {}, flags?: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await makeCommand(cwd, variables, flags).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const steps = text(stdout).split("\n").flatMap((line) => {
    const [, step, target] = /--quiet (\w+) .* -o out\/(\S+)$/.exec(line) ?? [];
    if (step === undefined) return [];
    const [, tag] = /\.(mixed|\dbit)\./.exec(target) ?? [];
    return [tag === undefined ? step : `${step} ${tag}`];
  });
  return { code, err: text(stderr), steps: steps.sort() };
}

Deno.test({
  name: "Makefile: each step runs when its inputs or flags have changed, and no other",
  ignore: !hasMake,
  async fn(t) {
    await inNewFolder(async (cwd) => {
      const expectSteps = async (steps: readonly string[], variables = {}, flags: readonly string[] = ["-j2"]) => {
        const outcome = await make(cwd, variables, flags);
        assert.equal(outcome.code, 0, outcome.err);
        assert.deepEqual(outcome.steps, steps);
      };

      await t.step("the first time all of them, two at once", async () => {
        await expectSteps([
          ...["calibrate", "plan", "quantize 4bit", "quantize mixed", "sensitivity", "verify 4bit", "verify mixed"],
        ]);
        const names = namesIn(`${cwd}/out`).filter((name) => !name.endsWith(".flags"));
        assert.deepEqual(
          names,
          [
            ...["4bit.dyad.json", "4bit.dyad.safetensors", "4bit.verify.json"],
            ...["calibration.json", "calibration.safetensors"],
            ...["mixed.dyad.json", "mixed.dyad.safetensors", "mixed.verify.json"],
            ...["plan.json", "sensitivity.json"],
          ].map((name) => `mobile.${name}`),
        );
      });

      await t.step("the second time none", async () => {
        await expectSteps([]);
        await expectSteps([], {}, ["-q"]);
      });

      const changed = { PLAN_FLAGS: "--max-size 60%" };
      await t.step("another limit: the plan and what follows from it", async () => {
        await expectSteps(["plan", "quantize mixed", "verify mixed"], changed);
        await expectSteps([], changed);
      });

      await t.step("a limit that is touched, or the plan gone: the same", async () => {
        const flags = `${cwd}/out/mobile.plan.flags`;
        const later = new Date(Date.now() + 2000);
        Deno.utimeSync(flags, later, later);
        await expectSteps(["plan", "quantize mixed", "verify mixed"], changed, ["-n"]);
        Deno.utimeSync(flags, new Date(0), new Date(0));
        await expectSteps([], changed);
        Deno.removeSync(`${cwd}/out/mobile.plan.json`);
        await expectSteps(["plan", "quantize mixed", "verify mixed"], changed, ["-n"]);
      });

      await t.step("the second file of an artefact gone: both made again", async () => {
        Deno.removeSync(`${cwd}/out/mobile.4bit.dyad.safetensors`);
        const expected = ["plan", "quantize 4bit", "quantize mixed", "verify 4bit", "verify mixed"];
        await expectSteps(expected, changed, ["-n"]);
      });

      await t.step("a limit that no plan can meet: its message, and no plan", async () => {
        const { code, err } = await make(cwd, { PLAN_FLAGS: "--max-size 1B" }, ["plan"]);
        assert.equal(code, 2);
        assert.match(err, /no plan fits size 1B[^]*Error 4/);
        assert.ok(!namesIn(`${cwd}/out`).includes("mobile.plan.json"));
      });

      await t.step("clean leaves nothing", async () => {
        await expectSteps([], {}, ["clean"]);
        assert.deepEqual(namesIn(`${cwd}/out`), []);
      });
    });
  },
});

Deno.test({
  name: "Makefile: shares of calibration and sensitivity make what one run makes, and are remade when they must be",
  ignore: !hasMake,
  async fn(t) {
    await inNewFolder(async (cwd) => {
      writeSampleFiles(cwd);
      const variables = { MODEL: "model.onnx", DATA: "images.npy", PREPROCESS: "", SHARDS: "3" };
      const shares = [
        "calibrate",
        "calibrate",
        "calibrate",
        "merge",
        "merge",
        "sensitivity",
        "sensitivity",
        "sensitivity",
      ];
      const expectSteps = async (steps: readonly string[], flags: readonly string[]) => {
        const outcome = await make(cwd, variables, flags);
        assert.equal(outcome.code, 0, outcome.err);
        assert.deepEqual(outcome.steps, steps);
      };
      const artefacts = (): Uint8Array[] =>
        ["calibration.json", "calibration.safetensors", "sensitivity.json"]
          .map((name) => Deno.readFileSync(`${cwd}/out/model.${name}`));

      await t.step("in one run", async () => {
        const { code, err, steps } = await make(cwd, { ...variables, SHARDS: "" }, ["sensitivity"]);
        assert.equal(code, 0, err);
        assert.deepEqual(steps, ["calibrate", "sensitivity"]);
      });
      const whole = artefacts();

      await t.step("in shares that are not needed: nothing", () => expectSteps([], ["-j2", "sensitivity"]));

      await t.step("in shares: the same bytes", async () => {
        await expectSteps([], ["clean"]);
        await expectSteps(shares, ["-j2", "sharded"]);
        assert.deepEqual(artefacts(), whole);
        await expectSteps([], ["-j2", "sharded"]);
      });

      await t.step("a share of sensitivity gone: nothing, since the table is there", async () => {
        Deno.removeSync(`${cwd}/out/model.sensitivity.2of3.json`);
        await expectSteps([], ["sharded"]);
      });

      await t.step("the tensors of a share gone: it and what follows, the share that is not there too", async () => {
        Deno.removeSync(`${cwd}/out/model.calibration.2of3.safetensors`);
        await expectSteps(shares.slice(2), ["-n", "SHARDS=3", "sensitivity"]);
      });

      await t.step("clean leaves nothing", async () => {
        await expectSteps([], ["clean"]);
        assert.deepEqual(namesIn(`${cwd}/out`), []);
      });
    });
  },
});

Deno.test({
  name: "Makefile: a step that is interrupted or fails half way leaves no target",
  ignore: !hasMake,
  async fn(t) {
    await inNewFolder(async (cwd) => {
      const leftovers = () => namesIn(`${cwd}/out`).filter((name) => !name.endsWith(".flags"));

      await t.step("interrupted", async () => {
        const variables = { MODEL: `${MODELS}resnet20.onnx`, CALIBRATE_FLAGS: "" };
        const running = makeCommand(cwd, variables, ["calibrate"]).spawn();
        const output = running.output();
        while (!isThere(`${cwd}/out/resnet20.calibrate.flags`)) await sleep(20);
        await sleep(500);
        running.kill("SIGTERM");
        assert.notEqual((await output).code, 0);
        assert.deepEqual(leftovers(), []);
      });

      await t.step("a program that writes half a file and fails", async () => {
        Deno.writeTextFileSync(`${cwd}/half.sh`, 'for last; do :; done; echo "{" > "$last"; exit 1\n');
        const { code, err } = await make(cwd, { DYAD: "sh half.sh" });
        assert.equal(code, 2);
        assert.match(err, /Deleting file 'out\/mobile\.calibration\.json'/);
        assert.deepEqual(leftovers(), []);
      });
    });
  },
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
