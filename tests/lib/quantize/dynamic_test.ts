import assert from "node:assert/strict";
import { decodeNetwork, encodeNetwork, type IntegerNetwork } from "../../../lib/format/network.ts";
import type { FloatDataset } from "../../../lib/format/dataset.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import { type Graph, valueOf } from "../../../lib/ir/graph.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { networkInput } from "../../../lib/runtime/network_input.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { info, int, integers, ints, node } from "../onnx/sample_model.ts";
import { calibrationOf, canonicalGraph, tinyDataset, weights } from "../sensitivity/tiny_network.ts";

/** Two products with a Relu between, no biases: the output is as large as the input. */
const PERCEPTRON = canonicalGraph({
  input: [info("x", ["N", 24])],
  output: [info("y", ["N", 5])],
  initializer: [weights("w0", [32, 24], 1), weights("w1", [5, 32], 2)],
  node: [
    node("Gemm", "x w0", "a", [int("transB", 1)], "first"),
    node("Relu", "a", "r"),
    node("Gemm", "r w1", "y", [int("transB", 1)], "second"),
  ],
});

/** Steps through a product, an LSTM and a GRU of which the last reads the results of the other, and a sum. */
const SEQUENCE = canonicalGraph({
  input: [info("x", ["N", 5, 3])],
  output: [info("y", ["N", 5, 4])],
  initializer: [
    weights("w0", [3, 6], 1),
    weights("w", [1, 16, 6], 2),
    weights("r", [1, 16, 4], 3),
    weights("b", [1, 32], 4),
    weights("w1", [6, 4], 5),
    weights("w2", [4, 4], 6),
    integers("axis", [1]),
  ],
  node: [
    node("MatMul", "x w0", "e", [], "embedding"),
    node("Transpose", "e", "t", [ints("perm", [1, 0, 2])]),
    node("LSTM", "t w r b", "h", [], "memory"),
    node("Squeeze", "h axis", "s"),
    node("Transpose", "s", "v", [ints("perm", [1, 0, 2])]),
    node("MatMul", "v w2", "o", [], "behind"),
    node("MatMul", "e w1", "k", [], "skipped"),
    node("Add", "o k", "y"),
  ],
});

function datasetOf(graph: Graph, size: number, count = 24): FloatDataset {
  const { data } = tinyLike(sizeOf(valueOf(graph, graph.inputs[0]).shape), count);
  const length = data.length / count;
  return {
    ...tinyDataset(1),
    labels: undefined,
    count,
    sampleShape: [length],
    sample: (i) => data.slice(i * length, (i + 1) * length).map((value) => size * value),
  };
}

function tinyLike(length: number, count: number): { data: Float32Array } {
  const random = seededRandom(3);
  return { data: Float32Array.from({ length: length * count }, () => random.normal()) };
}

function quantized(graph: Graph, bits: number, dynamic: boolean): IntegerNetwork {
  const layers = new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: bits }]));
  return quantizeGraph(graph, calibrationOf(graph, datasetOf(graph, 1)), { layers, dynamic, pixels: false });
}

function dynamicSteps({ steps }: IntegerNetwork): string[] {
  return steps.filter(({ problem }) => problem?.kind === "dynamic_product").map(({ name }) => name);
}

/** Signal over noise, in dB, on samples of this size; the same on every backend. */
function signalOverNoise(graph: Graph, network: IntegerNetwork, size: number): number {
  const dataset = datasetOf(graph, size);
  const float = compileFloat(graph);
  const backends = ["scalar", "wasm", "wasm-strict", ...nativeStatus().isAvailable ? ["native"] as const : []] as const;
  const [scalar, ...others] = backends.map((backend) => createEngine(network, backend, "network"));
  const { scale } = network.tensors.get(network.output.tensor)!;
  let [signal, noise] = [0, 0];
  for (let i = 0; i < dataset.count; i++) {
    const input = networkInput(network, dataset, i);
    const found = scalar.run(input);
    for (const other of others) assert.deepEqual(other.run(input), found, `${other.backend}, sample ${i}`);
    float.run(dataset.sample(i)).forEach((value, k) => {
      signal += value ** 2;
      noise += (value - scale * Number(found[k])) ** 2;
    });
  }
  return 10 * Math.log10(signal / noise);
}

Deno.test("inputs of other sizes than calibration saw keep their accuracy by dynamic scales, where static ones clip", () => {
  const dynamic = quantized(PERCEPTRON, 8, true);
  const fixed = quantized(PERCEPTRON, 8, false);
  assert.deepEqual(dynamicSteps(dynamic), ["first", "second"]);
  const usual = signalOverNoise(PERCEPTRON, dynamic, 1);
  assert.ok(usual > 35, `${usual} dB`);
  for (const size of [16, 1 / 16]) {
    const [kept, lost] = [dynamic, fixed].map((network) => signalOverNoise(PERCEPTRON, network, size));
    assert.ok(Math.abs(kept - usual) < 1, `size ${size}: ${kept} dB, at 1 ${usual} dB`);
    assert.ok(lost < 22, `size ${size}: ${lost} dB by static scales`);
  }
});

Deno.test("dynamic scales have the bits of the layer's activations", () => {
  const found = [8, 6, 4, 2].map((bits) => signalOverNoise(PERCEPTRON, quantized(PERCEPTRON, bits, true), 1));
  found.slice(1).forEach((each, i) => {
    const perBit = (found[i] - each) / 2;
    assert.ok(perBit > 3 && perBit < 8, `${found} dB at 8, 6, 4 and 2 bits`);
  });
});

Deno.test("products before recurrences and sums are dynamic; what has 8 bits anyway is not", () => {
  const network = quantized(SEQUENCE, 8, true);
  assert.deepEqual(dynamicSteps(network), ["embedding", "memory.W", "skipped"]);
  const accuracy = signalOverNoise(SEQUENCE, network, 1);
  assert.ok(accuracy > 30, `${accuracy} dB`);
});

Deno.test("a network of dynamic scales is read as it was written", () => {
  const network = quantized(SEQUENCE, 5, true);
  const provenance = { inputs: {}, options: {} };
  const { json, constants } = encodeNetwork(network, provenance);
  const read = decodeNetwork(json, constants, "net.json", "net.safetensors").network;
  assert.deepEqual(encodeNetwork(read, provenance), { json, constants });
  const input = networkInput(network, datasetOf(SEQUENCE, 1), 0);
  assert.deepEqual(createEngine(read, "wasm", "net").run(input), createEngine(network, "scalar", "net").run(input));
});
