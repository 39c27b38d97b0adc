import assert from "node:assert/strict";
import type { ClassAxis } from "../../../../lib/arith/log_softmax.ts";
import { crossEntropy, divergence, type Loss } from "../../../../lib/arith/loss.ts";
import { compileDerivatives } from "../../../../lib/float/differentiator.ts";
import { parseCandidates } from "../../../../lib/format/candidates.ts";
import type { FloatDataset } from "../../../../lib/format/dataset.ts";
import type { Sensitivity } from "../../../../lib/format/sensitivity.ts";
import type { Graph } from "../../../../lib/ir/graph.ts";
import { valueOf } from "../../../../lib/ir/graph.ts";
import type { Frame } from "../../../../lib/sensitivity/frame.ts";
import { Means } from "../../../../lib/sensitivity/means.ts";
import { type MeasureRequest, measureSensitivity } from "../../../../lib/sensitivity/measure.ts";
import { layerProbes } from "../../../../lib/sensitivity/measurements/hessian_trace.ts";
import { scoredLayers } from "../../../../lib/sensitivity/table.ts";
import { rademacherStream } from "../../../../lib/tensor/rademacher.ts";
import { imageOf, NETWORKS } from "../../float/networks.ts";
import { calibrationOf, tinyDataset } from "../tiny_network.ts";
import { exactTraces, type OfLayer } from "./exact_curvature.ts";

const IMAGES = 5;

/** Random images for a network, with labels. */
function imagesFor(graph: Graph): FloatDataset & { labels: Int32Array } {
  const images = Array.from({ length: IMAGES }, (_, i) => imageOf(graph, 50 + i));
  return {
    ...tinyDataset(IMAGES),
    sampleShape: valueOf(graph, graph.inputs[0]).shape.slice(1),
    labels: Int32Array.from({ length: IMAGES }, (_, i) => i % 3),
    sample: (index) => images[index],
  };
}

const withoutLabels = ({ labels: _, ...rest }: FloatDataset): FloatDataset => rest;

function requestFor(graph: Graph, dataset: FloatDataset, probes: number): MeasureRequest {
  return {
    graph,
    calibration: calibrationOf(graph, dataset),
    dataset,
    candidates: parseCandidates("8/8,4/8,2/4"),
    weightMethod: "mse",
    metric: "hessian-trace",
    metrics: ["weight-error"],
    probes,
  };
}

const axisOf = (logits: Float32Array): ClassAxis => ({ outer: 1, classes: logits.length, inner: 1 });

type LossAt = (logits: Float32Array, image: number) => Loss;

/** Both losses, as functions of the logits of an image. */
function lossesOf({ labels }: { labels: Int32Array }): { labelled: LossAt; unlabelled: LossAt } {
  return {
    labelled: (logits, image) => crossEntropy(logits, axisOf(logits), [labels[image]]),
    unlabelled: (logits) => divergence(logits, axisOf(logits), logits),
  };
}

const exactOf = (graph: Graph, { sample }: FloatDataset, lossAt: LossAt): Map<string, OfLayer> =>
  exactTraces(graph, Array.from({ length: IMAGES }, (_, i) => sample(i)), lossAt);

interface Estimate {
  readonly trace: number;
  readonly standardError: number;
}

/** The estimates of a table, with what is exact. */
function estimatesOf({ layers }: Sensitivity, exact: ReadonlyMap<string, OfLayer>): (Estimate & { exact: number })[] {
  return layers.flatMap(({ name, curvature }) => {
    const { weights, input } = exact.get(name)!;
    const [ofWeights, ofInput] = [curvature!.weights, curvature!.activations] as Estimate[]; // of many rounds
    return [{ ...ofWeights, exact: weights }, { ...ofInput, exact: input }];
  });
}

const dataOf = new Map(Object.entries(NETWORKS).map(([name, graph]) => [name, imagesFor(graph)]));

for (const name of ["residual", "varied", "curved"]) {
  const graph = NETWORKS[name];
  const dataset = dataOf.get(name)!;
  const losses = lossesOf(dataset);
  const exact = {
    labelled: exactOf(graph, dataset, losses.labelled),
    unlabelled: exactOf(graph, dataset, losses.unlabelled),
  };

  for (const [kind, data] of Object.entries({ labelled: dataset, unlabelled: withoutLabels(dataset) })) {
    Deno.test(`${name}, ${kind}: every trace is within 3 standard errors of the exact one`, async () => {
      const { layers, ...rest } = await measureSensitivity(requestFor(graph, data, 96));
      for (
        const { trace, standardError, exact: value } of estimatesOf(
          { ...rest, layers },
          exact[kind as keyof typeof exact],
        )
      ) {
        // Where the network is curved, traces near 0 are sums of positive and negative parts.
        const precise = standardError < 0.5 * Math.abs(value) || name === "curved";
        assert.ok(standardError > 0 && precise, `${trace} +- ${standardError}`);
        assert.ok(Math.abs(trace - value) <= 3 * standardError, `${trace} +- ${standardError}, exactly ${value}`);
      }
    });
  }

  Deno.test(`${name}: labels change the traces only where the network is not piecewise linear`, () => {
    const differences = Array.from(exact.labelled, ([layer, { weights, input }]) => {
      const other = exact.unlabelled.get(layer)!;
      return Math.max(Math.abs(weights / other.weights - 1), Math.abs(input / other.input - 1));
    });
    const largest = Math.max(...differences);
    assert.ok(name === "curved" ? largest > 0.01 : largest < 1e-4, `${largest}`);
  });
}

Deno.test("standard errors shrink as one over the root of the rounds, and so do the errors", async () => {
  const graph = NETWORKS.residual;
  const dataset = dataOf.get("residual")!;
  const exact = exactOf(graph, dataset, lossesOf(dataset).unlabelled);
  const counts = [8, 32, 128, 512];
  const points: { x: number; y: number }[] = [];
  const errors: number[] = [];
  for (const probes of counts) {
    const estimates = estimatesOf(await measureSensitivity(requestFor(graph, dataset, probes)), exact);
    for (const each of estimates) points.push({ x: Math.log(probes), y: Math.log(each.standardError / each.exact) });
    errors.push(Math.sqrt(estimates.reduce((sum, each) => sum + (each.trace / each.exact - 1) ** 2, 0)));
  }
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const slope = mean(({ x, y }) => (x - meanX) * (y - meanY)) / mean(({ x }) => (x - meanX) ** 2);
  assert.ok(Math.abs(slope + 0.5) <= 0.05, `the slope of standard errors is ${slope}`);
  assert.ok(errors[3] < errors[0] / 3, `errors ${errors}`);
});

Deno.test("Hessian-vector products, layer by layer, have the mean of the probes at the logits", () => {
  const graph = NETWORKS.residual;
  const { sample, ...dataset } = dataOf.get("residual")!;
  const engine = compileDerivatives(graph);
  const { labelled } = lossesOf(dataset);
  const exact = exactTraces(graph, [sample(0)], labelled);
  const loss = labelled(engine.run(sample(0)), 0);
  const rounds = Array.from({ length: 200 }, (_, round) => layerProbes(engine, loss, rademacherStream(1, round)));
  engine.layers.forEach(({ layer: { name } }, i) => {
    for (const which of ["weights", "input"] as const) {
      const values = rounds.map((estimates) => estimates[i][which]);
      const mean = values.reduce((a, b) => a + b) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      const bound = 3 * Math.sqrt(variance / values.length);
      const expected = exact.get(name)![which];
      assert.ok(Math.abs(mean - expected) <= bound, `${name}, ${which}: ${mean} +- ${bound / 3}, exactly ${expected}`);
    }
  });
});

Deno.test("a score is the average trace times the squared error, of weights and input", async () => {
  const graph = NETWORKS.residual;
  const dataset = dataOf.get("residual")!;
  const table = await measureSensitivity({ ...requestFor(graph, dataset, 3), biasCorrection: false });
  const columns = ["hessian-trace", "weight-error"];
  for (const { parameters, candidates, alone, curvature } of table.layers) {
    assert.deepEqual(Object.keys(candidates[0].scores).sort(), columns);
    for (const { bits, scores } of alone!.weights) {
      const expected = curvature!.weights!.trace / parameters * scores["weight-error"];
      assert.ok(Math.abs(scores["hessian-trace"] - expected) <= 1e-6 * expected, `${bits}: ${expected}`);
    }
    for (const { weightBits, activationBits, scores } of candidates) {
      const part = (half: "weights" | "activations", width: number): number =>
        alone![half].find(({ bits }) => bits === width)!.scores["hessian-trace"];
      const sum = part("weights", weightBits) + part("activations", activationBits);
      assert.ok(sum > 0 && Math.abs(scores["hessian-trace"] - sum) <= 1e-6 * sum);
    }
  }
});

Deno.test("negative traces stay in the table and score 0", () => {
  const frame: Frame = {
    metric: "hessian-trace",
    metrics: ["hessian-trace"],
    samples: 2,
    layers: [{
      name: "conv",
      operator: "Conv",
      parameters: 10,
      macs: 100,
      inputElements: 20,
      candidates: [{ weightBits: 4, activationBits: 4 }],
      weightScores: { 4: { "weight-error": 0.5 } },
    }],
  };
  const unit = { chunk: 0, images: 2 };
  const means = Means.of(frame, [
    { ...unit, measurement: "activation-error", round: 0, sums: [6] },
    { ...unit, measurement: "hessian-trace", round: 0, sums: [-8, 40] },
    { ...unit, measurement: "hessian-trace", round: 1, sums: [4, 80] },
  ]);
  const [{ curvature, candidates, alone }] = scoredLayers(frame, means);
  assert.deepEqual(curvature, {
    weights: { trace: -1, standardError: 3, rounds: 2 },
    activations: { trace: 30, standardError: 10, rounds: 2 },
  });
  assert.equal(alone!.weights[0].scores["hessian-trace"], 0);
  assert.equal(candidates[0].scores["hessian-trace"], 30 / 20 * 3);
});

Deno.test("the same seed gives the same table, another one another, and an image's probes are its own", async () => {
  const graph = NETWORKS.residual;
  const request = requestFor(graph, dataOf.get("residual")!, 2);
  const [first, again, other] = [
    await measureSensitivity(request),
    await measureSensitivity(request),
    await measureSensitivity({ ...request, probeSeed: 1 }),
  ];
  assert.deepEqual(again, first);
  assert.notDeepEqual(other.layers, first.layers);
  const traces = async (samples: number[]): Promise<number[]> =>
    (await measureSensitivity({ ...request, samples })).layers.map(({ curvature }) => curvature!.weights!.trace);
  const [both, one, three] = [await traces([1, 3]), await traces([1]), await traces([3])];
  both.forEach((trace, i) => assert.ok(Math.abs(trace - (one[i] + three[i]) / 2) <= 1e-6 * trace));
});

Deno.test("a label that is no class is told with its sample", async () => {
  const graph = NETWORKS.curved;
  const dataset = { ...dataOf.get("curved")!, labels: Int32Array.of(0, 1, 2, 3, 0) };
  await assert.rejects(measureSensitivity(requestFor(graph, dataset, 1)), /label of sample 3 is 3, expected 0 to 2/);
});
