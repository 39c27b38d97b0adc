import assert from "node:assert/strict";
import { activationQuantization } from "../../../../lib/arith/quantization.ts";
import { fakeQuantize } from "../../../../lib/arith/fake_quantization.ts";
import { integerWeights } from "../../../../lib/arith/integer_weights.ts";
import { dequantizeWeights } from "../../../../lib/arith/weight_quantization.ts";
import { logSoftmax } from "../../../../lib/arith/log_softmax.ts";
import { compileDerivatives } from "../../../../lib/float/differentiator.ts";
import { rangeOf } from "../../../../lib/format/calibration.ts";
import { parseCandidates } from "../../../../lib/format/candidates.ts";
import { measureSensitivity } from "../../../../lib/sensitivity/measure.ts";
import type { SensitivityRecord } from "../../../../lib/sensitivity/record.ts";
import { evaluate } from "../tiny_network.ts";
import { calibrationOf, canonicalGraph, CLASSES, TINY, tinyDataset } from "../tiny_network.ts";

const graph = canonicalGraph(TINY);
const dataset = tinyDataset(6);
const calibration = calibrationOf(graph, dataset);
const images = Array.from({ length: dataset.count }, (_, i) => dataset.sample(i));

/** sum of errors^2 times squared gradients, over labels as likely as the network has them; by layer and width. */
function exactScores(widths: readonly number[]): Map<string, { weights: number; input: number }> {
  const engine = compileDerivatives(graph);
  const scores = new Map<string, { weights: number; input: number }>();
  for (const image of images) {
    const logits = engine.run(image);
    const p = logSoftmax(logits, { outer: 1, classes: CLASSES, inner: 1 }).map(Math.exp);
    const values = evaluate(graph, image);
    for (let label = 0; label < CLASSES; label++) {
      const seed = Float32Array.from(p, (each, i) => each - Number(i === label));
      const gradients = engine.gradient(seed, { weights: true, inputs: true });
      for (const { layer: { name, weight, node }, orderWeights } of engine.layers) {
        const { weights, input } = gradients.get(name)!;
        const value = values.get(node.inputs[0])!.data;
        for (const bits of widths) {
          const storage = { bits, perChannel: true, method: "mse" } as const;
          const { values, scales } = integerWeights(weight.data, weight.shape, storage);
          const quantized = dequantizeWeights(values, scales);
          const weightErrors = orderWeights(weight.data.map((w, i) => w - quantized[i]));
          const rounded = value.slice();
          fakeQuantize(rounded, activationQuantization(rangeOf(calibration, node.inputs[0], "min-max", bits), bits));
          const score = scores.get(`${name} at ${bits}`) ?? { weights: 0, input: 0 };
          const part = p[label] / images.length;
          weights!.forEach((g, i) => score.weights += part * (g * weightErrors[i]) ** 2);
          input!.forEach((g, i) => score.input += part * (g * (value[i] - rounded[i])) ** 2);
          scores.set(`${name} at ${bits}`, score);
        }
      }
    }
  }
  return scores;
}

Deno.test("fisher is within 3 standard errors of its expectation over all labels", async () => {
  const records: SensitivityRecord[] = [];
  const rounds = 64;
  const { layers } = await measureSensitivity({
    graph,
    calibration,
    dataset,
    candidates: parseCandidates("8/8,4/4"),
    weightMethod: "mse",
    biasCorrection: false,
    metric: "fisher",
    metrics: [],
    probes: rounds,
  }, { onRecord: (record) => records.push(record) });
  const exact = exactScores([8, 4]);
  let next = 0;
  for (const { name, candidates, alone } of layers) {
    const { weights, activations } = alone!;
    for (const [half, which] of [[weights, "weights"], [activations, "input"]] as const) {
      for (const { bits, scores: { fisher } } of half) {
        const values = records.map(({ sums, images }) => sums[next] / images);
        const variance = values.reduce((sum, value) => sum + (value - fisher) ** 2, 0) / (rounds - 1);
        const expected = exact.get(`${name} at ${bits}`)![which];
        const bound = 3 * Math.sqrt(variance / rounds);
        assert.ok(expected > 0 && bound < expected, `${name}, ${which} at ${bits}: ${expected} +- ${bound}`);
        assert.ok(Math.abs(fisher - expected) <= bound, `${name}, ${which} at ${bits}: ${fisher}, not ${expected}`);
        next++;
      }
    }
    for (const { weightBits, activationBits, scores } of candidates) {
      const sum = weights.find(({ bits }) => bits === weightBits)!.scores.fisher +
        activations.find(({ bits }) => bits === activationBits)!.scores.fisher;
      assert.ok(Math.abs(scores.fisher - sum) <= 1e-8 * sum);
    }
  }
  assert.equal(next, records[0].sums.length);
});

Deno.test("pixels that stay as they are cost nothing at 8 bits", async () => {
  const { layers } = await measureSensitivity({
    graph,
    calibration: { ...calibration, preprocess: dataset.preprocess },
    dataset,
    candidates: parseCandidates("8/8,4/4"),
    metric: "hessian-trace",
    metrics: ["fisher"],
    probes: 1,
  });
  const [first, second] = layers.map(({ alone }) => alone!.activations[0]);
  assert.equal(first.bits, 8);
  assert.deepEqual(first.scores, { fisher: 0, "hessian-trace": 0 });
  assert.ok(second.scores.fisher > 0 && second.scores["hessian-trace"] > 0);
});
