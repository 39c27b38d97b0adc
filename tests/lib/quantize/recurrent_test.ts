import assert from "node:assert/strict";
import { calibrateGraph } from "../../../lib/calibrate/calibrate.ts";
import type { Calibration } from "../../../lib/format/calibration.ts";
import type { FloatDataset } from "../../../lib/format/dataset.ts";
import { decodeNetwork, encodeNetwork, type IntegerNetwork } from "../../../lib/format/network.ts";
import { makePreprocess } from "../../../lib/format/preprocess.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import { streamSamples } from "../../../lib/float/stream_samples.ts";
import { type Graph, valueOf } from "../../../lib/ir/graph.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import type { GraphProto, NodeProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { networkInput, networkStates } from "../../../lib/runtime/network_input.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { expectError } from "../format/expect_error.ts";
import { float, info, int, INT32, INT64, integers, ints, model, node, text, texts } from "../onnx/sample_model.ts";
import { HIDDEN, tinyLanguageModel, WORDS } from "../onnx/tiny_language_model.ts";
import { weights } from "../sensitivity/tiny_network.ts";

const STEPS = 5;

interface Case {
  readonly graph: Graph;
  readonly dataset: FloatDataset;
  readonly calibration: Calibration;
}

function caseOf(graph: Graph, samples: Pick<FloatDataset, "count" | "sample">): Case {
  const dataset: FloatDataset = {
    kind: "float",
    name: "samples",
    sampleShape: [graph.inputs.reduce((sum, name) => sum + sizeOf(valueOf(graph, name).shape), 0)],
    preprocess: makePreprocess(1, {}),
    isPreprocessAssumed: true,
    sha256: "0".repeat(64),
    notes: [],
    ...samples,
  };
  return { graph, dataset, calibration: calibrateGraph(graph, dataset, { method: "auto" }).content };
}

/** Samples of 5 steps of 3 features through what `nodes` makes of them, weights w [1|2, gates * 6, 3] and r among the constants. */
function sequences(nodes: Plain<NodeProto>[], directions: number, gates = 4): Graph {
  const bytes = model({
    input: [info("x", ["N", STEPS, 3])],
    output: [info("y", ["N", 4])],
    initializer: [
      weights("w", [directions, gates * HIDDEN, 3], 1),
      weights("r", [directions, gates * HIDDEN, HIDDEN], 2),
      weights("b", [directions, 2 * gates * HIDDEN], 3),
      weights("w1", [4, directions * HIDDEN], 4),
      { name: "last", dims: [], dataType: INT64, int64Data: [-1] },
      { name: "ends", dims: [2], dataType: INT64, int64Data: [0, -1] },
      weights("w6", [4, 6 * directions * HIDDEN], 5),
      integers("zero", [0]),
      integers("one", [1]),
      integers("one_step", [0, 1, 2, HIDDEN]),
    ],
    node: nodes,
  });
  return canonicalize(importModel(bytes, { where: "sequences.onnx" }).graph);
}

const lastStep = sequences([
  node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
  node("LSTM", "t w r b", "- h", [], "memory"),
  node("Gather", "h last", "g", [int("axis", 0)]),
  node("Gemm", "g w1", "y", [int("transB", 1)], "head"),
], 1);

const bothWays = sequences([
  node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
  node("LSTM", "t w r b", "- h", [text("direction", "bidirectional")], "memory"),
  node("Transpose", "h", "s", [ints("perm", [1, 0, 2])]),
  node("Reshape", "s ends", "f"),
  node("Tanh", "f", "v"),
  node("Gemm", "v w1", "y", [int("transB", 1)], "head"),
], 2);

const gruBothWays = [0, 1].map((isLinear) =>
  sequences(
    [
      node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
      node(
        "GRU",
        "t w r b",
        "- h",
        [text("direction", "bidirectional"), int("linear_before_reset", isLinear)],
        "memory",
      ),
      node("Transpose", "h", "s", [ints("perm", [1, 0, 2])]),
      node("Reshape", "s ends", "f"),
      node("Gemm", "f w1", "y", [int("transB", 1)], "head"),
    ],
    2,
    3,
  )
);

/** Plain recurrences of each function, to the head by Y and by the last h. */
const plain = [["Tanh"], ["Relu"], ["Sigmoid"]].map(([name]) =>
  sequences(
    [
      node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
      node(
        "RNN",
        "t w r b",
        "- h",
        [text("direction", "bidirectional"), texts("activations", [name, name]), float("clip", 4)],
        "memory",
      ),
      node("Transpose", "h", "s", [ints("perm", [1, 0, 2])]),
      node("Reshape", "s ends", "f"),
      node("Gemm", "f w1", "y", [int("transB", 1)], "head"),
    ],
    2,
    1,
  )
);

/** A GRU over the first 3 of 5 steps, in both directions: Y, zeros behind its end, and the last h of each. */
const ofThreeSteps = sequences(
  [
    node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
    node("Shape", "x", "extents"),
    node("Slice", "extents zero one", "n"),
    node("ConstantOfShape", "n", "lengths", [
      { name: "value", type: 4, t: { dims: [1], dataType: INT32, int32Data: [3] } },
    ]),
    node("GRU", "t w r b lengths", "all h", [text("direction", "bidirectional")], "memory"),
    node("Transpose", "all", "steps", [ints("perm", [2, 0, 1, 3])]),
    node("Transpose", "h", "s", [ints("perm", [1, 0, 2])]),
    node("Reshape", "s one_step", "end"),
    node("Concat", "steps end", "both", [int("axis", 1)]),
    node("Reshape", "both ends", "f"),
    node("Gemm", "f w6", "y", [int("transB", 1)], "head"),
  ],
  2,
  3,
);

function imageCase(graph: Graph): Case {
  const random = seededRandom(7);
  const values = Float32Array.from({ length: 16 * STEPS * 3 }, () => random.normal());
  const size = STEPS * 3;
  return caseOf(graph, { count: 16, sample: (i) => values.subarray(i * size, (i + 1) * size) });
}

/** A language model of one LSTM for `steps` tokens, its states going in and out. */
function languageModel(steps: number, more: Plain<GraphProto> = {}): Graph {
  const bytes = tinyLanguageModel(more);
  return canonicalize(importModel(bytes, { where: "lm.onnx", inputShapes: { ids: [steps, 1] } }).graph);
}

/** A language model of one GRU or RNN. */
function shortLanguageModel(steps: number, type: "GRU" | "RNN"): Graph {
  const gates = type === "GRU" ? 3 : 1;
  return languageModel(steps, {
    input: [info("ids", ["T", "N"], INT64), info("h0", [1, "N", HIDDEN])],
    output: [info("logits", ["T", "N", WORDS]), info("hn", [1, "N", HIDDEN])],
    initializer: [
      weights("table", [WORDS, 3], 1),
      weights("w", [1, gates * HIDDEN, 3], 2),
      weights("r", [1, gates * HIDDEN, HIDDEN], 3),
      weights("w1", [HIDDEN, WORDS], 4),
      { name: "axis", dims: [1], dataType: INT64, int64Data: [1] },
    ],
    node: [
      node("Gather", "table ids", "e"),
      node(type, "e w r - - h0", "y hn", [], "memory"),
      node("Squeeze", "y axis", "s"),
      node("MatMul", "s w1", "logits", [], "head"),
    ],
  });
}

function tokenCase(graph: Graph): Case {
  const random = seededRandom(9);
  const tokens = Int32Array.from({ length: 121 }, () => random.integer(0, WORDS - 1));
  return caseOf(graph, streamSamples(graph, tokens, "tokens"));
}

function quantized({ graph, calibration }: Case, bits = 8): IntegerNetwork {
  const layers = new Map(layersOf(graph).map(({ name }) => [name, { weightBits: bits, activationBits: bits }]));
  return quantizeGraph(graph, calibration, { layers });
}

/** Signal over noise, in dB, of what the network says of all samples in turn, on every backend the same. */
function signalOverNoise({ graph, dataset }: Case, network: IntegerNetwork): number {
  const float = compileFloat(graph);
  const backends = ["scalar", "wasm", ...nativeStatus().isAvailable ? ["native"] as const : []] as const;
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

function describe({ tensors, steps }: IntegerNetwork): string[] {
  return steps.map(({ inputs, output, problem }) => {
    const { dtype, bits } = tensors.get(output)!;
    return `${output} ${dtype} ${bits} = ${problem?.kind ?? "alias"}(${inputs.join(", ")})`;
  });
}

const image = imageCase(lastStep);
const stream = tokenCase(languageModel(4));
const gruStream = tokenCase(shortLanguageModel(4, "GRU"));
const rnnStream = tokenCase(shortLanguageModel(4, "RNN"));

Deno.test("an LSTM reads the accumulators of its first product; its last state is the last step of Y", () => {
  assert.deepEqual(describe(quantized(image)), [
    "t u8 8 = alias(x)",
    "memory.gates i32 32 = convolution(t)",
    "memory.Y u8 8 = lstm(memory.gates)",
    "memory.Y_h.step u8 8 = copy(memory.Y)",
    "memory.Y_h u8 8 = alias(memory.Y_h.step)",
    "g u8 8 = alias(memory.Y_h)",
    "y i32 32 = convolution(g)",
  ]);
});

Deno.test("integer recurrences are near their float selves, the same on every backend", () => {
  const cases = [
    image,
    ...[bothWays, ...gruBothWays, ...plain, ofThreeSteps].map(imageCase),
    stream,
    gruStream,
    rnnStream,
  ];
  for (const each of cases) {
    const [fine, coarse] = [8, 4].map((bits) => signalOverNoise(each, quantized(each, bits)));
    assert.ok(fine > 25 && coarse > 3 && coarse < fine, `${each.graph.name}: ${fine} dB at 8/8, ${coarse} dB at 4/4`);
  }
});

Deno.test("steps behind the end of a sequence are not computed, their results are zero points", () => {
  const each = imageCase(ofThreeSteps);
  const network = quantized(each);
  const recurrences = network.steps.flatMap(({ problem }) => problem?.kind === "gru" ? [problem.steps] : []);
  assert.deepEqual(recurrences, [3, 3]);
  const engine = createEngine(network, "scalar", "network");
  const y = network.steps.findIndex(({ output }) => output === "memory.forward.Y");
  const { zeroPoint } = network.tensors.get("memory.forward.Y")!;
  engine.run(networkInput(network, each.dataset, 0), (step, output) => {
    if (step === y) assert.deepEqual([...output.subarray(3 * HIDDEN)], new Array(2 * HIDDEN).fill(zeroPoint));
  });
});

Deno.test("the result of a recurrence has the activation bits of its layer, whatever reads it", () => {
  const { graph, calibration } = image;
  const layers = new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }]));
  layers.set("memory", { weightBits: 3, activationBits: 5 });
  const network = quantizeGraph(graph, calibration, { layers });
  assert.deepEqual(["memory.Y", "g"].map((name) => network.tensors.get(name)!.high), [31, 31]);
  assert.deepEqual(network.steps.find(({ layer }) => layer === "memory")!.weightBits, 3);
});

Deno.test("tokens go in as they are, states stay in the network from run to run", () => {
  const network = quantized(stream);
  assert.equal(network.input.kind, "indices");
  assert.deepEqual(network.states, [
    { tensor: "memory.h", input: "h0", output: "hn" },
    { tensor: "memory.c", input: "c0", output: "cn" },
  ]);
  comparePieces(network, stream, languageModel(8));
  const gru = quantized(gruStream);
  assert.deepEqual(gru.states, [{ tensor: "memory.h", input: "h0", output: "hn" }]);
  assert.equal(gru.tensors.get("memory.h")!.dtype, "i16");
  comparePieces(gru, gruStream, shortLanguageModel(8, "GRU"));
  const rnn = quantized(rnnStream);
  assert.equal(rnn.tensors.get("memory.h")!.dtype, "u8");
  comparePieces(rnn, rnnStream, shortLanguageModel(8, "RNN"));
});

/** Two runs of four tokens say what one of eight does in the network of `graph`, and again after a reset. */
function comparePieces(network: IntegerNetwork, { calibration }: Case, graph: Graph): void {
  const whole = quantizeGraph(graph, calibration, {
    layers: new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }])),
  });
  const tokens = [1, 4, 0, 10, 9, 2, 2, 7];
  const expected = createEngine(whole, "wasm", "whole").run(tokens);
  for (const [backend, threads] of [["scalar", 1], ["wasm", 1], ["wasm", 2]] as const) {
    const engine = createEngine(network, backend, "halves", { threads, splitLimits: { partWork: 1, share: 0 } });
    assert.equal(engine.split?.threads, threads === 1 ? undefined : threads);
    for (const _ of [1, 2]) {
      assert.deepEqual([...engine.run(tokens.slice(0, 4)), ...engine.run(tokens.slice(4))], [...expected], backend);
      engine.reset();
    }
  }
}

Deno.test("a network with states is read as it was written; one whose states do not fit is refused", () => {
  const network = quantized(stream);
  const { json, constants } = encodeNetwork(network, { inputs: {}, options: {} });
  const read = decodeNetwork(json, constants, "lm.json", "lm.safetensors").network;
  assert.deepEqual(read.states, network.states);
  const engines = [network, read].map((each) => createEngine(each, "scalar", "lm"));
  const [expected, found] = engines.map((engine) => engine.run([3, 1, 4, 1]));
  assert.deepEqual(found, expected);
  const refused = (states: IntegerNetwork["states"], message: string) =>
    expectError("input", () => {
      const { json, constants } = encodeNetwork({ ...network, states }, { inputs: {}, options: {} });
      decodeNetwork(json, constants, "lm.json", "lm.safetensors");
    }, message);
  const [h, c] = network.states!;
  refused([h], "reads memory.c before a step writes it");
  refused([h, c, { ...h, tensor: "ids" }], "the input tensor ids is listed as a state");
  refused([h, c, h], "one tensor is listed as two states");
  refused([h, c, { ...h, tensor: "e" }], "tensor e is written twice");
  refused([h, c, { ...h, tensor: "none" }], "tensor none is not in the list");
});

Deno.test("a sample's states are the network's before it, so that samples run in any order", () => {
  const network = quantized(stream);
  const [inOrder, any] = [0, 1].map(() => createEngine(network, "scalar", "lm"));
  const { scale } = network.tensors.get("logits")!;
  const outputs = Array.from({ length: 5 }, (_, i) => inOrder.run(networkInput(network, stream.dataset, i)).slice());
  for (const i of [4, 2, 0]) {
    any.setStates(networkStates(network, stream.dataset.sample(i)));
    const found = any.run(networkInput(network, stream.dataset, i));
    if (i === 0) assert.deepEqual(found, outputs[0]);
    const largest = Array.from(found).reduce((most, q, k) => Math.max(most, Math.abs(q - outputs[i][k])), 0);
    assert.ok(scale * largest < 0.05, `sample ${i}: ${scale * largest}`);
  }
});

Deno.test("tokens that the embedding does not have are refused", () => {
  const network = quantized(stream);
  const dataset: FloatDataset = { ...stream.dataset, sample: () => Float32Array.of(1, 2, WORDS, 0) };
  expectError("input", () => networkInput(network, dataset, 6), `sample 6: token 2 is ${WORDS}, expected 0 to 10`);
});

Deno.test("recurrences that integers do not have are refused by name", () => {
  const layers = new Map(layersOf(stream.graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }]));
  const refused = (graph: Graph, calibration: Calibration, message: string) =>
    expectError("input", () => quantizeGraph(graph, calibration, { layers }), /node memory \(LSTM\): /, message);
  const alone = languageModel(4, {
    input: [info("ids", ["T", "N"], INT64), info("c0", [1, "N", HIDDEN])],
    output: [info("logits", ["T", "N", WORDS]), info("cn", [1, "N", HIDDEN])],
    node: [
      node("Gather", "table ids", "e"),
      node("LSTM", "e w r - - - c0", "y - cn", [], "memory"),
      node("Squeeze", "y axis", "s"),
      node("MatMul", "s w1", "logits", [], "head"),
    ],
  });
  refused(alone, stream.calibration, "found the state c0 alone, expected all of its states");
  const lastCell = sequences([
    node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
    node("LSTM", "t w r b", "- - c", [], "memory"),
    node("Gather", "c last", "g", [int("axis", 0)]),
    node("Gemm", "g w1", "y", [int("transB", 1)], "head"),
  ], 1);
  refused(lastCell, image.calibration, "its last cell state memory.Y_c is read");
  const unseen = {
    ...stream.calibration,
    tensors: stream.calibration.tensors.filter(({ name }) => name !== "memory.C"),
  };
  refused(stream.graph, unseen, "memory.C; calibrate the model again");
});
