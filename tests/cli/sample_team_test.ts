import assert from "node:assert/strict";
import type { CompiledRunner, Runner } from "../../cli/runner.ts";
import { SampleTeam, type TeamOptions } from "../../cli/sample_team.ts";
import { createRunner } from "../../cli/runner.ts";
import { inputError } from "../../lib/format/error.ts";
import { type Dataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { calibrationImages, fashionGraph } from "../evidence/fashion_networks.ts";
import { expectRejection } from "../lib/format/expect_error.ts";

const SAMPLES = 512;

const graph = fashionGraph("mobile");
const dataset = calibrationImages(SAMPLES);
const runner = createRunner({ kind: "float", name: "m.onnx", graph });

function teamOf(data: Dataset, threads: number, options: Partial<TeamOptions> = {}): SampleTeam {
  const compile = (): CompiledRunner => runner.compile();
  return new SampleTeam(runner, data, { threads, compile, note: (text) => assert.fail(text), ...options });
}

/** This thread's network, which takes its time, so that Workers have something to do. */
function slow(runner: Runner): () => CompiledRunner {
  const compiled = runner.compile();
  const clock = new Int32Array(new SharedArrayBuffer(4));
  return () => ({
    ...compiled,
    run(input) {
      Atomics.wait(clock, 0, 0, 5);
      return compiled.run(input);
    },
  });
}

for (const threads of [1, 2, 3]) {
  Deno.test(`a team of ${threads} runs range after range, with as many samples as slots or more, and with fewer than threads`, async () => {
    const engine = compileFloat(graph);
    const team = teamOf(dataset, threads);
    try {
      await team.ready();
      for (
        const range of [{ first: 0, end: SAMPLES }, { first: 17, end: 18 }, { first: 5, end: 5 }, { first: 3, end: 70 }]
      ) {
        const found: unknown[] = [];
        await team.run(range, { onOutput: (output) => void found.push(output) });
        const indices = Array.from({ length: range.end - range.first }, (_, i) => range.first + i);
        assert.deepEqual(found, indices.map((index) => engine.run(sampleAsFloat(dataset, index)).slice()));
      }
    } finally {
      await team.close();
    }
  });
}

Deno.test("a sample that cannot be had is reported after all outputs before it", async () => {
  const sample = (index: number): Float32Array => {
    if (index >= 20) throw inputError(`image ${index} is cut off`);
    return sampleAsFloat(dataset, index);
  };
  for (const threads of [1, 2]) {
    const team = teamOf({ ...dataset, kind: "float", sample }, threads);
    try {
      let outputs = 0;
      const run = team.run({ first: 0, end: 40 }, { onOutput: () => void outputs++ });
      await expectRejection("input", run, /^image 20 is cut off$/);
      assert.equal(outputs, 20);
    } finally {
      await team.close();
    }
  }
});

Deno.test("a Worker that ends with a sample of its own is an error that names it", async () => {
  const module = new URL("./leaving_worker.ts", import.meta.url);
  const team = teamOf(dataset, 2, { module, compile: slow(runner) });
  try {
    await team.ready();
    await assert.rejects(
      team.run({ first: 0, end: SAMPLES }, { onOutput() {} }),
      /^Error: Worker 1 ended by itself, with exit code 9$/,
    );
  } finally {
    await team.close();
  }
});

Deno.test("a team closes at once while its Workers wait, and while they come up", async () => {
  for (const isUp of [true, false]) {
    const team = teamOf(dataset, 3);
    if (isUp) await team.ready();
    await team.close();
  }
});

Deno.test({
  name: "where no Worker can be started one thread does the work, and says so once",
  permissions: { read: false },
  async fn() {
    const notes: string[] = [];
    const team = teamOf(dataset, 3, { note: (text) => void notes.push(text) });
    let outputs = 0;
    await team.ready();
    await team.run({ first: 0, end: 10 }, { onOutput: () => void outputs++ });
    await team.close();
    assert.equal(outputs, 10);
    assert.equal(notes.length, 1);
    assert.match(
      notes[0],
      /^going on in one thread: Workers could not be started: the program may not read its own file/,
    );
  },
});
