import assert from "node:assert/strict";
import { decodeNetwork, encodeNetwork, type IntegerNetwork } from "../../../lib/format/network.ts";
import type { FloatDataset } from "../../../lib/format/dataset.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { networkInput } from "../../../lib/runtime/network_input.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { info, int, integers, ints, node } from "../onnx/sample_model.ts";
import { calibrationOf, canonicalGraph, tinyDataset, weights } from "../sensitivity/tiny_network.ts";

const [STEPS, FEATURES, HIDDEN] = [4, 3, 7];

/** Few steps of a recurrence, whose inputs from the fifth on are named as `inputs` says: states h0 and c0, peepholes p. */
function recurrent(type: string, gates: number, inputs: string): Graph {
  return canonicalGraph({
    input: [info("x", ["N", STEPS, FEATURES])],
    output: [info("y", ["N", 5])],
    initializer: [
      weights("w", [1, gates * HIDDEN, FEATURES], 1),
      weights("r", [1, gates * HIDDEN, HIDDEN], 2),
      weights("w1", [5, STEPS * HIDDEN], 3),
      weights("h1", [1, 1, HIDDEN], 4),
      weights("c1", [1, 1, HIDDEN], 5),
      weights("p", [1, 3 * HIDDEN], 6),
      ...Object.entries({ zero: 0, one: 1, size: HIDDEN }).map(([name, value]) => integers(name, [value])),
      integers("flat", [0, -1]),
    ],
    node: [
      node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
      node("Shape", "x", "extents"),
      node("Slice", "extents zero one", "n"),
      node("Concat", "one n size", "states", [int("axis", 0)]),
      node("Expand", "h1 states", "h0"),
      node("Expand", "c1 states", "c0"),
      node(type, `t w r - - ${inputs}`, "all", [], "memory"),
      node("Transpose", "all", "s", [ints("perm", [2, 0, 1, 3])]),
      node("Reshape", "s flat", "f"),
      node("Gemm", "f w1", "y", [int("transB", 1)], "head"),
    ],
  });
}

const random = seededRandom(3);
const VALUES = Float32Array.from({ length: 24 * STEPS * FEATURES }, () => random.normal());
const DATA: FloatDataset = {
  ...tinyDataset(1),
  labels: undefined,
  count: 24,
  sampleShape: [STEPS, FEATURES],
  sample: (i) => VALUES.subarray(i * STEPS * FEATURES, (i + 1) * STEPS * FEATURES),
};

function quantized(graph: Graph): IntegerNetwork {
  const layers = new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }]));
  return quantizeGraph(graph, calibrationOf(graph, DATA), { layers, pixels: false });
}

/** In dB, of the network as it is read from its files; the same on every backend. */
function signalOverNoise(graph: Graph, network: IntegerNetwork): number {
  const { json, constants } = encodeNetwork(network, { inputs: {}, options: {} });
  const read = decodeNetwork(json, constants, "net.json", "net.safetensors").network;
  const float = compileFloat(graph);
  const backends = ["wasm", "wasm-strict", ...nativeStatus().isAvailable ? ["native"] as const : []] as const;
  const scalar = createEngine(network, "scalar");
  const others = backends.map((backend) => createEngine(read, backend));
  const { scale } = network.tensors.get(network.output.tensor)!;
  let [signal, noise] = [0, 0];
  for (let i = 0; i < DATA.count; i++) {
    const input = networkInput(network, DATA, i);
    const found = scalar.run(input);
    for (const other of others) assert.deepEqual(other.run(input), found, `${other.backend}, sample ${i}`);
    float.run(DATA.sample(i)).forEach((value, k) => {
      signal += value ** 2;
      noise += (value - scale * Number(found[k])) ** 2;
    });
  }
  return 10 * Math.log10(signal / noise);
}

const CASES = [
  ["LSTM", 4, "h0 c0"],
  ["LSTM", 4, "h0 c0 p"],
  ["LSTM", 4, "- - p"],
  ["LSTM", 4, "- c0"],
  ["GRU", 3, "h0"],
  ["RNN", 1, "h0"],
] as const;

for (const [type, gates, inputs] of CASES) {
  Deno.test(`${type} with ${inputs}: integers are near float, and know what they begin with`, () => {
    const graph = recurrent(type, gates, inputs);
    const network = quantized(graph);
    const accuracy = signalOverNoise(graph, network);
    assert.ok(accuracy > 22, `${accuracy} dB`);
    const problem = network.steps.find(({ name }) => name === "memory")!.problem!;
    assert.equal("peepholes" in problem, inputs.includes("p"));
    assert.equal("firstHidden" in problem, type !== "GRU" && inputs.includes("h0"));
    assert.equal("firstState" in problem, type === "GRU" || inputs.includes("c0"));
  });
}
