import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Interrupted } from "../../cli/interruption.ts";
import { JobPool, type PoolOptions, runJobs } from "../../cli/workers.ts";
import { expectRejection } from "../lib/format/expect_error.ts";
import { inNewFolder } from "./dyad.ts";
import { multiply, whereabouts } from "./sample_jobs.ts";

const MODULE = new URL("./sample_jobs.ts", import.meta.url);
const TASKS = Array.from({ length: 9 }, (_, i) => i);

function options(threads: number, more: Partial<PoolOptions> = {}): PoolOptions {
  return { threads, module: MODULE, note: (text) => assert.fail(`unexpected note: ${text}`), ...more };
}

for (const threads of [1, 2, 3, 20]) {
  Deno.test(`${threads} threads give every result once, in the order of the tasks`, async () => {
    const seen: [number, number][] = [];
    const parts = new Set<number>();
    const results = await runJobs(multiply, { factor: 3 }, TASKS, {
      ...options(threads),
      onResult: (result, index) => seen.push([index, result]),
      onPart: (index) => parts.add(index),
    });
    assert.deepEqual(results, TASKS.map((task) => 3 * task));
    assert.deepEqual(seen.sort(([a], [b]) => a - b), TASKS.map((task) => [task, 3 * task]));
    if (threads === 1) assert.equal(parts.size, TASKS.length);
  });

  Deno.test(`${threads} threads throw what the first task that fails throws`, async () => {
    const tasks = [1, 2, 3, "bad", "defect", 6, "bad"];
    await expectRejection(
      "input",
      runJobs(multiply, { factor: 3 }, tasks, options(threads)),
      /^found the task "bad", /,
    );
    await expectRejection("input", runJobs(multiply, { factor: 0 }, tasks, options(threads)), /^found the factor 0/);
  });
}

Deno.test("one thread and one task are computed here, several by Workers", async () => {
  const where = (threads: number, tasks: number) =>
    runJobs(whereabouts, null, TASKS.slice(0, tasks), options(threads)).then((found) => new Set(found));
  assert.deepEqual(await where(1, 9), new Set(["main"]));
  assert.deepEqual(await where(4, 1), new Set(["main"]));
  assert.deepEqual(await where(2, 9), new Set(["worker"]));
  assert.deepEqual(await where(2, 0), new Set());
});

Deno.test("a defect in a Worker is an internal error that names the Worker and has its stack", async () => {
  await assert.rejects(runJobs(multiply, { factor: 3 }, ["defect", 1], options(2)), (error: Error) => {
    assert.equal(error.name, "Error");
    assert.match(error.message, /^Worker \d: a defect of the job$/);
    assert.match(error.stack!, /RangeError: a defect of the job\n +at .*sample_jobs\.ts/);
    return true;
  });
});

Deno.test("a Worker that ends by itself is an internal error that names it", async () => {
  await assert.rejects(
    runJobs(multiply, { factor: 3 }, [1, "die", 2, 3], options(2)),
    /^Error: Worker \d ended by itself, with exit code 9$/,
  );
});

Deno.test("a pool keeps its Workers between lots of tasks", async () => {
  const pool = new JobPool(whereabouts, null, options(2));
  try {
    const found: string[] = [];
    const watcher = { onResult: (result: string) => void found.push(result) };
    await pool.run(4, (index) => index, watcher);
    await pool.run(1, (index) => index, watcher);
    assert.deepEqual(found, Array(5).fill("worker"));
  } finally {
    await pool.close();
  }
});

for (const threads of [1, 2]) {
  Deno.test(`an interruption ends ${threads} threads at once, whatever they do`, async () => {
    const controller = new AbortController();
    const work = runJobs(multiply, { factor: 3 }, [1, 2, "for ever", "for ever"], {
      ...options(threads),
      interruption: {
        signal: controller.signal,
        check: () => Promise.resolve(controller.signal.throwIfAborted()),
      },
      onPart: (index) => index === 2 && controller.abort(new Interrupted(130)),
    });
    await assert.rejects(work, Interrupted);
  });
}

Deno.test({
  name: "where no Worker can be started one thread does the work, and says so",
  permissions: { read: false },
  async fn() {
    const notes: string[] = [];
    const note = (text: string) => void notes.push(text);
    assert.deepEqual(
      await runJobs(multiply, { factor: 2 }, TASKS, options(3, { note })),
      TASKS.map((task) => 2 * task),
    );
    assert.equal(notes.length, 1);
    assert.match(
      notes[0],
      /^going on in one thread: Workers could not be started: the program may not read its own file .*sample_jobs\.ts$/,
    );
  },
});

Deno.test({
  name: "on a terminal, Workers need no permission that would be asked for",
  ignore: !(await isInstalled("script")), // of util-linux: gives a program a terminal
  fn: () =>
    inNewFolder(async (folder) => {
      const workers = new URL("../../cli/workers.ts", import.meta.url);
      const jobs = new URL("./sample_jobs.ts", import.meta.url);
      const program = `
        import { runJobs } from ${JSON.stringify(workers.href)};
        import { whereabouts } from ${JSON.stringify(jobs.href)};
        const note = (text) => console.log(text);
        const module = new URL(${JSON.stringify(jobs.href)});
        console.log((await runJobs(whereabouts, null, [1, 2], { threads: 2, module, note })).join());`;
      Deno.writeTextFileSync(`${folder}/program.ts`, program);
      const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
      const command = `${Deno.execPath()} run --quiet --no-check --config ${config} -R ${folder}/program.ts`;
      const terminal = new Deno.Command("script", {
        args: ["-qec", command, "/dev/null"],
        stdin: "null",
        signal: AbortSignal.timeout(60_000), // a question would wait for an answer
      });
      assert.equal(new TextDecoder().decode((await terminal.output()).stdout).trim(), "worker,worker");
    }),
});

async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}
