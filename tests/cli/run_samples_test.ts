import assert from "node:assert/strict";
import { createRunner, type Runner, type RunnerOutput } from "../../cli/runner.ts";
import { runSamples } from "../../cli/run_samples.ts";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import { methodNamed } from "../../lib/calibrate/method.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { type Dataset, type FloatDataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { createEngine } from "../../lib/runtime/engine.ts";
import { networkInput } from "../../lib/runtime/network_input.ts";
import { calibrationImages, fashionGraph } from "../evidence/fashion_networks.ts";
import { expectRejection } from "../lib/format/expect_error.ts";

/** More than two chunks of 64. */
const SAMPLES = 150;

const graph = fashionGraph("mobile");
const dataset = calibrationImages(SAMPLES);
const { content: calibration } = calibrateGraph(graph, calibrationImages(4), { method: methodNamed("min-max") });
const network = quantizeGraph(graph, calibration, {
  method: "min-max",
  layers: new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }])),
});
const integer = createRunner({ kind: "integer", name: "m.dyad.json", network, backend: "wasm" });
const float = createRunner({ kind: "float", name: "m.onnx", graph });

async function run(runner: Runner, data: Dataset, threads: number | undefined, isTimed = false) {
  const outputs: RunnerOutput[] = [];
  const times = await runSamples(runner, data, {
    threads,
    isTimed,
    onProgress() {},
    onOutput(output, index) {
      assert.equal(index, outputs.length);
      outputs.push(output.slice());
    },
    note: (text) => assert.fail(text),
  });
  return { outputs, times };
}

/** Some samples replaced by another. */
function withSamples(indices: readonly number[], sample: Float32Array): FloatDataset {
  return { ...dataset, kind: "float", sample: (i) => indices.includes(i) ? sample : sampleAsFloat(dataset, i) };
}

for (const threads of [1, 2, 3, undefined]) {
  Deno.test(`on ${threads ?? "worthwhile"} threads every output is that of its sample, timed or not`, async () => {
    const engine = createEngine(network, "wasm");
    const integers = Array.from({ length: SAMPLES }, (_, i) => engine.run(networkInput(network, dataset, i)));
    assert.deepEqual((await run(integer, dataset, threads)).outputs, integers);
    const timed = await run(integer, dataset, threads, true);
    assert.deepEqual(timed.outputs, integers);
    assert.equal(timed.times!.images, SAMPLES);
    assert.equal(timed.times!.threads, Math.min(threads ?? 1, navigator.hardwareConcurrency));
    const few: Dataset = { ...dataset, count: 2 };
    assert.deepEqual((await run(integer, few, threads)).outputs, integers.slice(0, 2));
    const floatEngine = compileFloat(graph);
    const reals = Array.from({ length: SAMPLES }, (_, i) => floatEngine.run(sampleAsFloat(dataset, i)).slice());
    const found = await run(float, dataset, threads);
    assert.deepEqual(found.outputs, reals);
    assert.equal(found.times, undefined);
  });

  Deno.test(`on ${threads ?? "worthwhile"} threads the first sample that is refused is named`, async () => {
    const noPixels = new Float32Array(784).fill(0.0123);
    await expectRejection("input", run(integer, withSamples([70, 149], noPixels), threads), /: sample 70\b/);
    const noNumbers = new Float32Array(784).fill(NaN);
    await expectRejection(
      "input",
      run(float, withSamples([130], noNumbers), threads),
      /^m\.onnx: found NaN at element 0/,
    );
  });
}

Deno.test("progress goes up to all samples", async () => {
  for (const [threads, isTimed] of [[1, false], [2, false], [2, true], [undefined, false]] as const) {
    const shown: number[] = [];
    await runSamples(integer, dataset, {
      threads,
      isTimed,
      note: assert.fail,
      onOutput() {},
      onProgress(done, total) {
        assert.equal(total, SAMPLES);
        shown.push(done);
      },
    });
    assert.deepEqual(shown, shown.toSorted((a, b) => a - b));
    assert.equal(shown.at(-1), SAMPLES);
  }
});
