import assert from "node:assert/strict";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import type { Calibration } from "../../lib/format/calibration.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { sampleAsFloat } from "../../lib/format/dataset.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { encodeNetwork } from "../../lib/format/network.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import { openDataset } from "../../lib/format/open_dataset.ts";
import { evidenceOf } from "../../lib/format/verification.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { importModel } from "../../lib/onnx/import.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { canonicalize } from "../../lib/passes/mod.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { makeContext } from "../../lib/verify/context.ts";
import { openSubject } from "../../lib/verify/subject.ts";
import { verify } from "../../lib/verify/verify.ts";
import { info, model } from "../lib/onnx/sample_model.ts";
import { runGraph } from "../run_graph.ts";
import { GREY, SAMPLE_NETWORKS, type SampleNetwork } from "./sample_networks.ts";

const IMAGES = 24;
/** Images that both tiers run. */
const COMPARED = 6;
/** Signal over quantization noise that 8 bits must keep. */
const LEAST_SQNR_DB = 20;

/** As smooth as images are: a wave on each channel, and some noise. */
function sampleImages({ input, preprocess = GREY, isFloat }: SampleNetwork): Dataset {
  const random = seededRandom(5);
  const [channels, height, width] = input.length === 3 ? input : [1, 1, sizeOf(input)];
  const plane = (): number[] => {
    const [fy, fx, phase] = [random.normal(), random.normal(), 6 * random.uniform()];
    return Array.from({ length: height * width }, (_, i) => {
      const wave = Math.sin(fy * Math.floor(i / width) + fx * (i % width) + phase);
      return 127 + 90 * wave + 15 * random.normal();
    });
  };
  const pixels = Array.from({ length: IMAGES * channels }, plane).flat();
  const shape = [IMAGES, ...input];
  const array = isFloat
    ? tensor("f32", shape, Float32Array.from(pixels, (value) => value / 60 - 2))
    : tensor("u8", shape, new Uint8Array(Uint8ClampedArray.from(pixels)));
  return openDataset({
    files: [{ name: "images.npy", bytes: encodeNpy(array) }],
    sampleShape: input,
    preprocess: isFloat ? {} : preprocess,
  });
}

interface Calibrated {
  readonly imported: Graph;
  readonly graph: Graph;
  readonly model: { readonly name: string; readonly sha256: string; readonly graph: Graph };
  readonly dataset: Dataset;
  readonly calibration: Calibration;
}

function calibrated(network: SampleNetwork): Calibrated {
  const { input, output, constants, nodes, opset } = network;
  const bytes = model({
    input: [info("x", ["N", ...input])],
    output: [info("y", ["N", ...output])],
    initializer: [...constants],
    node: [...nodes],
  }, { opset });
  const { graph: imported } = importModel(bytes, { where: "sample.onnx" });
  const graph = canonicalize(imported);
  const dataset = sampleImages(network);
  const { content } = calibrateGraph(graph, dataset, { method: "auto" });
  return {
    imported,
    graph,
    model: { name: "sample.onnx", sha256: sha256(bytes), graph },
    dataset,
    calibration: content,
  };
}

function checkFloat({ imported, graph, dataset }: Calibrated): void {
  const engine = compileFloat(graph);
  for (let i = 0; i < COMPARED; i++) {
    const image = sampleAsFloat(dataset, i);
    const expected = runGraph(imported, image);
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(scale > 0.01, "the network says something");
    engine.run(image).forEach((value, k) => {
      assert.ok(Math.abs(value - expected[k]) <= 1e-5 * scale, `image ${i}, element ${k}: ${value} ${expected[k]}`);
    });
  }
}

/** Quantizes to these bits, examines every claim, and returns signal over noise of the last step in dB. */
async function checkIntegers(
  { graph, model, dataset, calibration }: Calibrated,
  { options }: SampleNetwork,
  weightBits: number,
  activationBits: number,
  ends?: { weightBits: number; activationBits: number },
): Promise<number> {
  const { layers } = uniformPlan(layersOf(graph), { weightBits, activationBits }, { ends });
  const network = quantizeGraph(graph, calibration, {
    ...options,
    layers: new Map(layers.map(({ name, ...bits }) => [name, bits])),
  });
  const { json, constants } = encodeNetwork(network, { inputs: { model: { sha256: model.sha256 } }, options: {} });
  const subject = openSubject({
    network: { name: "sample.dyad.json", bytes: new TextEncoder().encode(json) },
    constants: { name: "sample.dyad.safetensors", bytes: constants },
    model,
  });
  const { claims } = await verify(makeContext(subject, dataset, { limit: COMPARED }));
  for (const { name, status, failures, summary } of claims) {
    assert.ok(status === "proven" || status === "measured", `${name}: ${status}: ${summary} ${failures.join("; ")}`);
  }
  const { layers: steps } = evidenceOf(claims, "accuracy")!;
  assert.equal(steps.at(-1)?.tensor, network.output.tensor);
  return steps.at(-1)!.sqnrDb ?? Infinity;
}

for (const [name, network] of Object.entries(SAMPLE_NETWORKS)) {
  Deno.test(`a network of ${name}`, async () => {
    const found = calibrated(network);
    checkFloat(found);
    const fine = await checkIntegers(found, network, 8, 8);
    assert.ok(fine > LEAST_SQNR_DB, `at 8/8 ${fine} dB of signal over noise are left`);
    const eight = { weightBits: 8, activationBits: 8 };
    const coarse = await checkIntegers(found, network, 4, 4, eight);
    assert.ok(coarse > 0, `at 4/4 ${coarse} dB of signal over noise are left`);
    for (const [weightBits, activationBits] of [[2, 3], [7, 5], [3, 6]]) {
      await checkIntegers(found, network, weightBits, activationBits, { weightBits, activationBits });
    }
  });
}
