import assert from "node:assert/strict";
import { activationQuantization } from "../../../lib/arith/quantization.ts";
import { dequantizeWeights, quantizeWeights, weightScales } from "../../../lib/arith/weight_quantization.ts";
import { encodeArtefact } from "../../../lib/format/artefact.ts";
import { rangeOf } from "../../../lib/format/calibration.ts";
import { parseCandidates } from "../../../lib/format/candidates.ts";
import { candidateName } from "../../../lib/format/plan.ts";
import { type Sensitivity, SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { type MeasureRequest, measureSensitivity } from "../../../lib/sensitivity/measure.ts";
import type { SensitivityRecord } from "../../../lib/sensitivity/record.ts";
import { expectRejection } from "../format/expect_error.ts";
import { info, node } from "../onnx/sample_model.ts";
import { calibrationOf, canonicalGraph, CLASSES, logits, type Quantized, TINY, tinyDataset } from "./tiny_network.ts";

const graph = canonicalGraph(TINY);
const dataset = tinyDataset(21); // three chunks, the last one short
const calibration = calibrationOf(graph, dataset);
const REQUEST: MeasureRequest = {
  graph,
  calibration,
  dataset,
  candidates: parseCandidates("8/8,4/8,3/3,2/4"),
  weightMethod: "mse",
};

interface Run {
  readonly table: Sensitivity;
  readonly records: SensitivityRecord[];
  readonly progress: number[];
}

async function measure(request: Partial<MeasureRequest> = {}, finished?: readonly SensitivityRecord[]): Promise<Run> {
  const records: SensitivityRecord[] = [];
  const progress: number[] = [];
  const table = await measureSensitivity({ ...REQUEST, ...request }, {
    finished,
    onRecord: (record) => records.push(record),
    onProgress: (done, total) => progress.push(done / total),
  });
  return { table, records, progress };
}

const whole = await measure();
const textOf = (table: Sensitivity) => encodeArtefact(SensitivityCodec, { inputs: {}, options: {}, ...table });

/** What one layer runs with at these widths, by the library of integer arithmetic. */
function quantizedLayer(name: string, weightBits?: number, activationBits?: number): Record<string, Quantized> {
  const layer = layersOf(graph).find((each) => each.name === name)!;
  const { data, shape } = layer.weight;
  const scales = weightScales(data, shape[0], { bits: weightBits ?? 8, perChannel: true, method: "mse" });
  return {
    [name]: {
      weights: weightBits && dequantizeWeights(quantizeWeights(data, scales, weightBits), scales) || undefined,
      input: activationBits === undefined ? undefined : activationQuantization(
        rangeOf(calibration, layer.node.inputs[0], "min-max", activationBits),
        activationBits,
      ),
    },
  };
}

function softmax(output: Float32Array | number[]): number[] {
  const powers = Array.from(output, (logit) => Math.exp(logit));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

function mean(term: (index: number) => number): number {
  return Array.from({ length: dataset.count }, (_, i) => term(i)).reduce((a, b) => a + b) / dataset.count;
}

function halved(output: Float32Array): number[] {
  return Array.from(output, (logit) => logit / 2);
}

function divergence(p: number[], q: number[]): number {
  return p.reduce((sum, each, c) => sum + each * Math.log(each / q[c]), 0);
}

/** Scores by their formulas, over outputs by the operators' definitions. */
function bruteForce(changes: Record<string, Quantized>): Record<string, number> {
  const run = (changed?: Record<string, Quantized>) =>
    Array.from({ length: dataset.count }, (_, i) => logits(graph, dataset.sample(i), changed));
  const [float, quantized] = [run(), run(changes)];
  const [p, q] = [float.map(softmax), quantized.map(softmax)];
  const answers = (outputs: Float32Array[]) => outputs.map((output) => output.indexOf(Math.max(...output)));
  const hits = (outputs: Float32Array[]) => mean((i) => Number(answers(outputs)[i] === dataset.labels[i]));
  const entropy = (outputs: number[][]) => mean((i) => -Math.log(outputs[i][dataset.labels[i]]));
  return {
    kl: mean((i) => divergence(p[i], q[i])),
    "soft-kl": mean((i) => 4 * divergence(softmax(halved(float[i])), softmax(halved(quantized[i])))),
    mse: mean((i) => float[i].reduce((sum, each, c) => sum + (each - quantized[i][c]) ** 2, 0) / CLASSES),
    loss: Math.max(0, entropy(q) - entropy(p)),
    accuracy: Math.max(0, hits(float) - hits(quantized)),
  };
}

function assertClose(found: Record<string, number>, expected: Record<string, number>, where: string): void {
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(Math.abs(found[name] - value) <= 1e-6 + 1e-3 * value, `${where}: ${name} ${found[name]}, not ${value}`);
  }
}

Deno.test("every layer at every candidate, together and alone, scores what brute force finds", () => {
  assert.deepEqual(whole.table.layers.map(({ name }) => name), ["stem", "first", "second", "shortcut", "classifier"]);
  for (const { name, candidates, alone } of whole.table.layers) {
    assert.deepEqual(candidates.map(candidateName), ["8/8", "4/8", "3/3", "2/4"]);
    for (const { weightBits, activationBits, scores } of candidates) {
      const where = `${name} at ${weightBits}/${activationBits}`;
      assertClose(scores, bruteForce(quantizedLayer(name, weightBits, activationBits)), where);
    }
    assert.deepEqual(alone!.weights.map(({ bits }) => bits), [8, 4, 3, 2]);
    assert.deepEqual(alone!.activations.map(({ bits }) => bits), [8, 4, 3]);
    for (const { bits, scores } of alone!.weights) {
      assertClose(scores, bruteForce(quantizedLayer(name, bits)), `${name}, weights at ${bits}`);
    }
    for (const { bits, scores } of alone!.activations) {
      assertClose(scores, bruteForce(quantizedLayer(name, undefined, bits)), `${name}, input at ${bits}`);
      assert.ok(!Object.hasOwn(scores, "weight-error"));
    }
  }
});

for (const metric of ["kl", "mse", "weight-error"]) {
  Deno.test(`${metric}: layers are ranked as brute force ranks them`, () => {
    const { layers } = whole.table;
    const expected = layers.map(({ name }) => {
      if (metric !== "weight-error") return bruteForce(quantizedLayer(name, 2, 4))[metric];
      const { data } = layersOf(graph).find((layer) => layer.name === name)!.weight;
      const { weights } = quantizedLayer(name, 2)[name];
      return data.reduce((sum, w, i) => sum + (w - weights![i]) ** 2, 0);
    });
    const ranks = (scores: number[]) => scores.map((_, i) => i).sort((a, b) => scores[a] - scores[b]);
    assert.deepEqual(ranks(layers.map(({ candidates }) => candidates[3].scores[metric])), ranks(expected));
  });
}

Deno.test("the fewer bits the greater the weight error, and 2/4 scores far more than 8/8", () => {
  for (const { name, candidates, alone } of whole.table.layers) {
    const errors = alone!.weights.map(({ scores }) => scores["weight-error"]);
    assert.deepEqual(errors, [...errors].sort((a, b) => a - b), name);
    for (const metric of ["kl", "mse"]) {
      assert.ok(candidates[3].scores[metric] > 10 * candidates[0].scores[metric], `${name}: ${metric}`);
    }
  }
});

Deno.test("the float network's own loss and accuracy are recorded", () => {
  const outputs = Array.from({ length: dataset.count }, (_, i) => logits(graph, dataset.sample(i)));
  const hits = outputs.filter((output, i) => output.indexOf(Math.max(...output)) === dataset.labels[i]).length;
  const loss = mean((i) => -Math.log(softmax(outputs[i])[dataset.labels[i]]));
  assertClose(whole.table.baseline!, { loss, accuracy: hits / dataset.count }, "baseline");
  assert.equal(whole.table.samples, dataset.count);
});

Deno.test("whatever an interrupted run has finished, the artefact has the same bytes and nothing is run again", async () => {
  const text = textOf(whole.table);
  const [first, second, third] = whole.records;
  assert.equal(whole.records.length, 3);
  for (const finished of [[], [first], [third], [second, first], [third, first, second]]) {
    const saved: SensitivityRecord[] = JSON.parse(JSON.stringify(finished));
    const { table, records, progress } = await measure({}, saved);
    assert.equal(textOf(table), text);
    assert.deepEqual(records, whole.records.filter((record) => !finished.includes(record)));
    const images = finished.reduce((sum, record) => sum + record.images, 0);
    assert.ok(Math.abs(progress[0] - images / dataset.count) < 1e-12);
  }
});

Deno.test("records that do not fit the request are left aside", async () => {
  const text = textOf(whole.table);
  const [first, second, third] = whole.records;
  const wrong: SensitivityRecord[] = [
    { ...first, images: 7 },
    { ...first, sums: first.sums.slice(1) },
    { ...first, measurement: "elsewhere" },
    { ...first, round: 1 },
    { ...third, chunk: 3 },
    { ...third, chunk: 0 },
  ];
  for (const record of wrong) {
    const { table, records } = await measure({}, [record, second]);
    assert.equal(textOf(table), text);
    assert.deepEqual(records, [first, third]);
  }
});

Deno.test("progress rises to 1", () => {
  assert.equal(whole.progress[0], 0);
  assert.ok(Math.abs(whole.progress.at(-1)! - 1) < 1e-12);
  assert.deepEqual(whole.progress, [...whole.progress].sort((a, b) => a - b));
});

Deno.test("8-bit pixels are exact: the first layer's input alone scores 0, its pair what its weights do", async () => {
  const withPixels = { ...calibration, preprocess: dataset.preprocess };
  const [stem, first] = (await measure({ calibration: withPixels, samples: [0, 1] })).table.layers;
  const { weights, activations } = stem.alone!;
  assert.deepEqual(activations[0], { bits: 8, scores: { kl: 0, "soft-kl": 0, mse: 0, loss: 0, accuracy: 0 } });
  assert.deepEqual(stem.candidates.slice(0, 2).map(({ scores }) => scores), [weights[0].scores, weights[1].scores]);
  assert.ok(activations[1].scores.mse > 0 && first.alone!.activations[0].scores.mse > 0);
});

Deno.test("quantization that changes nothing scores 0 by every metric", async () => {
  const onGrid = {
    ...TINY,
    initializer: TINY.initializer!.map((each) => {
      const values = new Float32Array(each.rawData!.slice().buffer);
      const length = values.length / (each.dims as number[])[0];
      // The first weight of a channel is its largest and all are multiples of 1/64: 8 bits hold them exactly.
      return {
        ...each,
        rawData: new Uint8Array(values.map((w, i) => i % length ? Math.trunc(w * 16) / 64 : 127 / 64).buffer),
      };
    }),
  };
  const exact = canonicalGraph(onGrid);
  const { table } = await measure({
    graph: exact,
    calibration: calibrationOf(exact, dataset),
    weightMethod: "max-abs",
  });
  for (const { name, alone } of table.layers) {
    const [{ bits, scores }] = alone!.weights;
    assert.equal(bits, 8);
    assert.deepEqual(scores, { kl: 0, "soft-kl": 0, mse: 0, "weight-error": 0, loss: 0, accuracy: 0 });
    assert.ok(alone!.weights[3].scores["weight-error"] > 0, name);
  }
});

Deno.test("the ends are fixed at 8/8, which they get even where the others do not, unless told otherwise", async () => {
  const candidates = parseCandidates("4/4");
  const fixed = (await measure({ candidates, samples: [0] })).table.layers;
  assert.deepEqual(fixed.map((layer) => layer.fixed), ["8/8", undefined, undefined, undefined, "8/8"]);
  assert.deepEqual(fixed.map((layer) => layer.candidates.map(candidateName).join()), [
    "8/8,4/4",
    "4/4",
    "4/4",
    "4/4",
    "8/8,4/4",
  ]);
  const free = (await measure({ candidates, samples: [0], fixEnds: false })).table.layers;
  assert.ok(free.every((layer) => layer.fixed === undefined && layer.candidates.length === 1));
  assert.deepEqual(free.map(({ tiedTo }) => tiedTo), [undefined, undefined, undefined, "second", undefined]);
});

Deno.test("without labels the metrics that need them are left out, and asking for one is a usage error", async () => {
  const { labels: _, ...unlabelled } = dataset;
  const { table } = await measure({ dataset: unlabelled, samples: [0, 1] });
  assert.deepEqual(Object.keys(table.layers[0].candidates[0].scores), ["soft-kl", "kl", "mse", "weight-error"]);
  assert.equal(table.baseline, undefined);
  await expectRejection("usage", measure({ dataset: unlabelled, metric: "loss" }), /"loss" needs labels/, /--labels/);
  await expectRejection("usage", measure({ metric: "hawq" }), /"hawq", expected one of "soft-kl", "kl"/);
  assert.equal((await measure({ metric: "loss", samples: [0] })).table.metric, "loss");
});

Deno.test("a last Softmax does not count: the table is that of the logits", async () => {
  const { labels: _, ...unlabelled } = dataset;
  const softmaxed = canonicalGraph({
    ...TINY,
    output: [info("z", ["N", CLASSES])],
    node: [...TINY.node!, node("Softmax", "y", "z")],
  });
  const request = { dataset: unlabelled, samples: [0, 1, 2] };
  assert.equal(textOf((await measure({ ...request, graph: softmaxed })).table), textOf((await measure(request)).table));
});

Deno.test("errors: a tensor without calibration, labels out of range, an output that is not finite", async () => {
  const { tensors } = calibration;
  const [, r0] = graph.nodes[1].inputs[0] === "x" ? [] : [0, graph.nodes[1].inputs[0]];
  await expectRejection(
    "input",
    measure({ calibration: { ...calibration, tensors: tensors.filter(({ name }) => name !== r0) } }),
    `tensor "${r0}"`,
  );
  const labels = dataset.labels.map((label, i) => i === 5 ? CLASSES : label);
  await expectRejection("input", measure({ dataset: { ...dataset, labels } }), /label 4 at index 5/);
  const bright = new Float32Array(72).fill(1e38);
  const sample = (i: number) => i === 3 ? bright : dataset.sample(i);
  await expectRejection("input", measure({ dataset: { ...dataset, sample } }), /sample 3 holds NaN or infinity/);
});
