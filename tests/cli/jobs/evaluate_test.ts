import assert from "node:assert/strict";
import { evaluateJob, type EvaluateSetup } from "../../../cli/jobs/evaluate.ts";
import { dequantize } from "../../../lib/arith/quantization.ts";
import { calibrateGraph } from "../../../lib/calibrate/calibrate.ts";
import { methodNamed } from "../../../lib/calibrate/method.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import { type Dataset, sampleAsFloat } from "../../../lib/format/dataset.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { networkInput } from "../../../lib/runtime/network_input.ts";
import { calibrationImages, fashionGraph } from "../../evidence/fashion_networks.ts";

const SAMPLES = 6;
const graph = fashionGraph("mobile");
const dataset = calibrationImages(SAMPLES);
const { content: calibration } = calibrateGraph(graph, dataset, { method: methodNamed("min-max") });

function setupOf(data: Dataset): EvaluateSetup {
  const float = compileFloat(graph);
  const { kind, name, sampleShape, preprocess, labels } = data;
  const samples = Array.from({ length: SAMPLES }, (_, i) => data.sample(i));
  return {
    graph,
    calibration,
    options: { method: "min-max" },
    where: "mobile",
    data: { kind, name, sampleShape, preprocess, labels, samples } as EvaluateSetup["data"], // samples are of that kind
    backend: "wasm",
    floatLogits: Array.from({ length: SAMPLES }, (_, i) => float.run(sampleAsFloat(data, i)).slice()),
  };
}

const layers = layersOf(graph).map(({ name }, i) => ({ name, weightBits: i % 2 === 0 ? 8 : 4, activationBits: 8 }));

function finish<T>(steps: Generator<number, T>): { result: T; parts: number[] } {
  const parts: number[] = [];
  let step = steps.next();
  for (; !step.done; step = steps.next()) parts.push(step.value);
  return { result: step.value, parts };
}

/** The definition: softmax in plain arithmetic, the network by the scalar references. */
function expected(data: Dataset, floatLogits: readonly Float32Array[]) {
  const network = quantizeGraph(graph, calibration, {
    method: "min-max",
    layers: new Map(layers.map((layer) => [layer.name, layer])),
  });
  const engine = createEngine(network, "scalar");
  const output = network.tensors.get(network.output.tensor)!;
  const softmax = (logits: ArrayLike<number>) => {
    const powers = Array.from(logits, (x) => Math.exp(x));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  };
  let [kl, crossEntropy, correct] = [0, 0, 0];
  floatLogits.forEach((logits, i) => {
    const reals = Array.from(engine.run(networkInput(network, data, i)), (q) => dequantize(q, output));
    const [p, q] = [softmax(logits), softmax(reals)];
    kl += p.reduce((sum, each, c) => sum + each * Math.log(each / q[c]), 0) / SAMPLES;
    const label = data.labels![i];
    crossEntropy -= Math.log(q[label]) / SAMPLES;
    if (reals.indexOf(Math.max(...reals)) === label) correct++;
  });
  return { kl, crossEntropy, accuracy: correct / SAMPLES };
}

Deno.test("the measured loss is that of the integer network, as plain data and from another thread's copy", () => {
  const labelled: Dataset = { ...dataset, labels: Int32Array.of(9, 0, 3, 2, 5, 7) };
  const setup = setupOf(labelled);
  const { result, parts } = finish(evaluateJob.open(structuredClone(setup))({ layers }));
  const wanted = expected(labelled, setup.floatLogits);
  const near = (found: number, value: number) =>
    assert.ok(Math.abs(found - value) < 1e-6, `${found}, expected ${value}`);
  const { measured, terms } = result;
  near(measured.kl, wanted.kl);
  near(measured.crossEntropy!, wanted.crossEntropy);
  assert.equal(measured.accuracy, wanted.accuracy);
  const meanOf = (values: Float64Array): number => values.reduce((a, b) => a + b) / SAMPLES;
  near(meanOf(terms.kl!), wanted.kl);
  near(meanOf(terms["cross-entropy"]!), wanted.crossEntropy);
  assert.ok(wanted.kl > 1e-4, "a network that loses nothing tests nothing");
  assert.deepEqual(parts, Array.from({ length: SAMPLES }, (_, i) => (i + 1) / SAMPLES));
});

Deno.test("without labels there is the divergence alone; plans that do not fit the graph are refused", () => {
  const { labels: _, ...unlabelled } = dataset;
  const measure = evaluateJob.open(setupOf(unlabelled));
  const { measured, terms } = finish(measure({ layers })).result;
  assert.deepEqual([Object.keys(measured), Object.keys(terms)], [["samples", "kl"], ["kl"]]);
  assert.throws(() => finish(measure({ layers: layers.slice(1) })), { kind: "input", message: /^mobile: [^]*no bits/ });
});
