import assert from "node:assert/strict";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import type { Calibration } from "../../../lib/format/calibration.ts";
import type { FloatDataset } from "../../../lib/format/dataset.ts";
import type { IntegerNetwork } from "../../../lib/format/network.ts";
import type { CandidateBits } from "../../../lib/format/plan.ts";
import { makePreprocess, normalisePixels, type PreprocessOptions } from "../../../lib/format/preprocess.ts";
import { type Graph, valueOf } from "../../../lib/ir/graph.ts";
import type { GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { quantizeGraph, type QuantizeOptions } from "../../../lib/quantize/quantize.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { floats, info, int, ints, node } from "../onnx/sample_model.ts";
import { calibrationOf, canonicalGraph, logits, TINY, tinyDataset, weights } from "../sensitivity/tiny_network.ts";
import { expectError } from "../format/expect_error.ts";

/** `8/8` of every layer, and others by name as `weight bits/activation bits`. */
function bitsOf(graph: Graph, others: Readonly<Record<string, string>> = {}): Map<string, CandidateBits> {
  return new Map(
    layersOf(graph).map(({ name }) => {
      const [weightBits, activationBits] = (others[name] ?? "8/8").split("/").map(Number);
      return [name, { weightBits, activationBits }];
    }),
  );
}

interface Case {
  readonly graph: Graph;
  readonly dataset: FloatDataset;
  readonly calibration: Calibration;
  quantize(bits?: Readonly<Record<string, string>>, options?: Partial<QuantizeOptions>): IntegerNetwork;
}

function caseOf(proto: Plain<GraphProto>, dataset: FloatDataset = tinyDataset(6)): Case {
  const graph = canonicalGraph(proto);
  const calibration = calibrationOf(graph, dataset);
  const quantize: Case["quantize"] = (bits, options) =>
    quantizeGraph(graph, calibration, { layers: bitsOf(graph, bits), ...options });
  return { graph, dataset, calibration, quantize };
}

/** Every step: what it writes, at how many bits, from what. `*` marks one scale per channel. */
function describe({ tensors, steps }: IntegerNetwork): string[] {
  return steps.map(({ operator, inputs, output, problem }) => {
    const { bits, perChannel } = tensors.get(output)!;
    return `${output}:${bits}${perChannel ? "*" : ""} = ${operator}(${inputs.join(", ")}) ${problem?.kind ?? "alias"}`;
  });
}

const pads = ints("pads", [1, 1, 1, 1]);

Deno.test("branches of a residual addition stay accumulators, an identity shortcut is stored", () => {
  const { quantize } = caseOf({
    input: [info("x", ["N", 2, 6, 6])],
    output: [info("y", ["N", 4])],
    initializer: [
      weights("w0", [4, 2, 3, 3], 1),
      weights("w1", [4, 4, 3, 3], 2),
      weights("w2", [4, 4, 1, 1], 3),
      weights("w3", [4, 4], 4),
    ],
    node: [
      node("Conv", "x w0", "c0", [pads], "stem"),
      node("Relu", "c0", "r0"),
      node("Conv", "r0 w1", "c1", [pads], "main"),
      node("Conv", "r0 w2", "c2", [], "shortcut"),
      node("Add", "c1 c2", "s1"),
      node("Relu", "s1", "r1"),
      node("Conv", "r1 w1", "c3", [pads], "second"),
      node("Add", "c3 r1", "s2"),
      node("Relu", "s2", "r2"),
      node("GlobalAveragePool", "r2", "p"),
      node("Flatten", "p", "f"),
      node("Gemm", "f w3", "y", [], "classifier"),
    ],
  });
  assert.deepEqual(describe(quantize({ main: "4/4", shortcut: "8/6", second: "4/4" })), [
    "r0:6 = Conv(x) convolution",
    "r0@4:4 = Requantize(r0) concat",
    "c1:32* = Conv(r0@4) convolution",
    "c2:32* = Conv(r0) convolution",
    "r1:8 = Add(c1, c2) sum",
    "r1@4:4 = Requantize(r1) concat",
    "c3:32* = Conv(r1@4) convolution",
    "r2:8 = Add(c3, r1) sum",
    "p:8 = AveragePool(r2) average_pool",
    "f:8 = Reshape(p) alias",
    "y:32 = Gemm(f) convolution",
  ]);
  const wide = quantize({ main: "4/4", shortcut: "8/6", second: "4/4" }, { residualBits: 16 });
  assert.equal(wide.tensors.get("r1")!.dtype, "u16");
  assert.ok(describe(wide).includes("r1@4:4 = Requantize(r1) concat"));
});

Deno.test("a concatenation shares its scale with inputs that only it reads; others are rescaled", () => {
  const { quantize, calibration } = caseOf({
    input: [info("x", ["N", 2, 6, 6])],
    output: [info("y", ["N", 3, 6, 6])],
    initializer: [
      weights("w0", [3, 2, 1, 1], 1),
      weights("w1", [4, 2, 3, 3], 2),
      weights("w2", [2, 3, 1, 1], 3),
      weights("w3", [3, 9, 1, 1], 4),
    ],
    node: [
      node("Conv", "x w0", "a", [], "first"),
      node("Relu", "a", "ra"),
      node("Conv", "x w1", "b", [pads], "second"),
      node("Relu", "b", "rb"),
      node("Conv", "ra w2", "d", [], "third"),
      node("Concat", "ra rb d", "j", [int("axis", 1)]),
      node("Conv", "j w3", "y", [], "last"),
    ],
  });
  const network = quantize({ third: "8/5", last: "8/4" });
  assert.deepEqual(describe(network), [
    "ra:8 = Conv(x) convolution",
    "rb:4 = Conv(x) convolution",
    "ra@5:5 = Requantize(ra) concat",
    "d:4 = Conv(ra@5) convolution",
    "j:4 = Concat(ra, rb, d) concat",
    "y:32 = Conv(j) convolution",
  ]);
  const concat = network.steps.find(({ output }) => output === "j")!.problem;
  assert.ok(concat?.kind === "concat");
  assert.deepEqual(concat.parts.map(({ rescale }) => rescale === undefined), [false, true, true]);
  const scales = ["rb", "d", "j"].map((name) => network.tensors.get(name)!.scale);
  assert.deepEqual(new Set(scales).size, 1);
  const widest = ["rb", "d", "j"].map((name) => {
    const { min, max } = calibration.tensors.find((t) => t.name === name)!.ranges["min-max"].any!;
    return max - Math.min(min, 0);
  });
  assert.ok(Math.abs(scales[0] - Math.max(...widest) / 15) < 1e-6, "the widest range of the three sets the scale");
});

Deno.test("layers that read one value at several widths each get their own; pools pass the width on", () => {
  const { quantize } = caseOf({
    input: [info("x", ["N", 2, 6, 6])],
    output: [info("y", ["N", 2, 3, 3])],
    initializer: [weights("w0", [4, 2, 1, 1], 1), weights("w1", [2, 4, 1, 1], 2), weights("w2", [2, 4, 3, 3], 3)],
    node: [
      node("Conv", "x w0", "c", [], "stem"),
      node("Relu", "c", "r"),
      node("MaxPool", "r", "m", [ints("kernel_shape", [2, 2]), ints("strides", [2, 2])]),
      node("Conv", "m w1", "a", [], "narrow"),
      node("Conv", "m w2", "b", [pads], "wide"),
      node("Add", "a b", "y"),
    ],
  });
  assert.deepEqual(describe(quantize({ narrow: "4/3", wide: "8/7" })), [
    "r:7 = Conv(x) convolution",
    "m:7 = MaxPool(r) max_pool",
    "m@3:3 = Requantize(m) concat",
    "a:32* = Conv(m@3) convolution",
    "b:32* = Conv(m) convolution",
    "y:32 = Add(a, b) sum",
  ]);
});

/** Signal over the noise of dequantized outputs, in dB. */
function sqnr({ graph, dataset, quantize }: Case, options: Partial<QuantizeOptions> = {}): number {
  const network = quantize({}, options);
  const { scale } = network.tensors.get(network.output.tensor)!;
  const { scale: step, zeroPoint, high } = network.tensors.get(network.input.tensor)!;
  const engine = createEngine(network, "wasm");
  let [signal, noise] = [0, 0];
  for (let i = 0; i < dataset.count; i++) {
    const expected = logits(graph, dataset.sample(i));
    const input = dataset.sample(i).map((v) => Math.min(Math.max(Math.round(v / step) + zeroPoint, 0), high));
    engine.run(input).forEach((q, e) => {
      signal += expected[e] ** 2;
      noise += (scale * q - expected[e]) ** 2;
    });
  }
  return 10 * Math.log10(signal / noise);
}

/** Weights of one sign, so that accumulators come near their bounds. */
function positive(name: string, dims: readonly number[], value: number) {
  const random = seededRandom(9);
  return floats(name, dims, Array.from({ length: sizeOf(dims) }, () => value * (1 + random.uniform())));
}

Deno.test("a sum of large accumulators, or their concatenation, as the last node stays within int32", () => {
  for (const last of [node("Add", "a b", "y"), node("Concat", "a b", "y", [int("axis", 1)])]) {
    const large = caseOf({
      input: [info("x", ["N", 2, 6, 6])],
      output: [info("y", ["N", last.opType === "Add" ? 3 : 6, 4, 4])],
      initializer: [
        positive("w0", [40, 2, 1, 1], 0.5),
        positive("w1", [3, 40, 3, 3], 1),
        positive("w2", [3, 40, 3, 3], 2),
      ],
      node: [
        node("Conv", "x w0", "c", [], "stem"),
        node("Relu", "c", "r"),
        node("Conv", "r w1", "a", [], "left"),
        node("Conv", "r w2", "b", [], "right"),
        last,
      ],
    });
    assert.ok(sqnr(large) > 25, `${last.opType}: ${sqnr(large)} dB`);
  }
});

/** The network of pixels, and a float network of the same pixels normalised. */
function pixelCase(proto: Plain<GraphProto>, preprocess: PreprocessOptions) {
  const graph = canonicalGraph(proto);
  const shape = valueOf(graph, graph.inputs[0]).shape.slice(1);
  const made = makePreprocess(shape.length === 3 ? shape[0] : 1, preprocess);
  const random = seededRandom(21);
  const pixels = Array.from(
    { length: 6 },
    () => Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(0, 255)),
  );
  const images = pixels.map((image) => normalisePixels(image, made));
  const dataset: FloatDataset = { ...tinyDataset(6), sampleShape: shape, sample: (index) => images[index] };
  const calibration = { ...calibrationOf(graph, dataset), preprocess: made };
  return { graph, calibration, pixels, images };
}

function firstConvolution({ steps }: IntegerNetwork): ConvolutionProblem {
  const found = steps.find(({ problem }) => problem?.kind === "convolution")!.problem;
  assert.ok(found?.kind === "convolution");
  return found;
}

const ONE_LAYER: Plain<GraphProto> = {
  input: [info("x", ["N", 2, 6, 6])],
  output: [info("y", ["N", 3, 6, 6])],
  initializer: [weights("w", [3, 2, 3, 3], 1)],
  node: [node("Conv", "x w", "y", [pads], "only")],
};
const FLAT_LAYER: Plain<GraphProto> = {
  input: [info("x", ["N", 2, 6, 6])],
  output: [info("y", ["N", 3])],
  initializer: [weights("w", [72, 3], 1)],
  node: [node("Flatten", "x", "f"), node("Gemm", "f w", "y", [], "only")],
};

for (const [what, proto] of Object.entries({ "a convolution": ONE_LAYER, "a Flatten and a Gemm": FLAT_LAYER })) {
  Deno.test(`pixels go into ${what}: normalisation is scale, zero point and bias of the first layer`, () => {
    const { graph, calibration } = pixelCase(proto, { mean: [0.286], std: [0.353] });
    const network = quantizeGraph(graph, calibration, { layers: bitsOf(graph), biasCorrection: false });
    const input = network.tensors.get("x")!;
    assert.equal(network.input.kind, "pixels");
    assert.ok(Math.abs(input.scale - 1 / (255 * 0.353)) < 1e-12);
    assert.equal(input.zeroPoint, 73); // 0.286 * 255 = 72.93
    const { weights: integers, outputChannels, bias } = firstConvolution(network);
    const perOutput = integers.length / outputChannels;
    bias.forEach((found, o) => {
      const sum = integers.subarray(o * perOutput, (o + 1) * perOutput).reduce((a, b) => a + b, 0);
      const expected = -(0.286 * 255 - 73) * sum; // what 73 in place of 72.93 adds, in units of the accumulator
      assert.ok(Math.abs(found - expected) < 3, `channel ${o}: ${found}, expected ${expected}`);
    });
  });
}

Deno.test("channels that are normalised differently begin with a depthwise layer of raw pixels", () => {
  const { graph, calibration, pixels, images } = pixelCase(ONE_LAYER, { mean: [0.4, 0.6], std: [0.2, 0.3] });
  const network = quantizeGraph(graph, calibration, { layers: bitsOf(graph) });
  assert.deepEqual(describe(network), [
    "x:8 = Conv(x.pixels) convolution",
    "y:32 = Conv(x) convolution",
  ]);
  const { scale, zeroPoint } = network.tensors.get("x.pixels")!;
  assert.deepEqual({ scale, zeroPoint }, { scale: 1, zeroPoint: 0 });
  assert.equal(firstConvolution(network).groups, 2);
  assert.deepEqual(network.layers.map(({ name }) => name), ["input.normalisation", "only"]);
  const engine = createEngine(network, "scalar");
  const step = network.tensors.get("y")!.scale;
  pixels.forEach((image, i) => {
    const expected = logits(graph, images[i]);
    const most = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    engine.run(image).forEach((q, e) => assert.ok(Math.abs(step * q - expected[e]) < 0.02 * most));
  });
});

Deno.test("pixels without channels and with a mean that no pixel has are an input error", () => {
  const flat: Plain<GraphProto> = {
    input: [info("x", ["N", 8])],
    output: [info("y", ["N", 3])],
    initializer: [weights("w", [8, 3], 1)],
    node: [node("Gemm", "x w", "y", [], "only")],
  };
  const { graph, calibration } = pixelCase(flat, { mean: [-0.5], std: [1] });
  const layers = bitsOf(graph);
  expectError("input", () => quantizeGraph(graph, calibration, { layers }), "input x", "mean -0.5", "1x8");
  assert.equal(quantizeGraph(graph, calibration, { layers, pixels: false }).input.kind, "quantized");
});

Deno.test("an accumulator that could overflow names the layer and the channel", () => {
  const deep = 70_000;
  const graph = canonicalGraph({
    input: [info("x", ["N", deep])],
    output: [info("y", ["N", 2])],
    initializer: [floats("w", [2, deep], Array.from({ length: 2 * deep }, (_, i) => i < deep ? (i === 0 ? 1 : 0) : 1))],
    node: [node("Gemm", "x w", "y", [int("transB", 1)], "huge")],
  });
  const range = { name: "x", ranges: { "min-max": { any: { min: 0, max: 1 } } } };
  const output = { ...range, name: "y" };
  const calibration: Calibration = {
    method: "min-max",
    samples: 1,
    input: { name: "x", shape: [deep] },
    tensors: [range, output],
    weights: [],
  };
  const quantize = (bits: string) => quantizeGraph(graph, calibration, { layers: bitsOf(graph, { huge: bits }) });
  expectError(
    "input",
    () => quantize("8/8"),
    /layer huge: output channel 1: the accumulator can reach 2266950000/,
    "fewer",
  );
  assert.equal(quantize("7/8").layers[0].weightBits, 7);
});

Deno.test("a plan of other layers names each that is too many or missing, and those that are expected", () => {
  const { graph, calibration } = caseOf(TINY);
  const layers = bitsOf(graph);
  layers.delete("second");
  layers.set("third", { weightBits: 8, activationBits: 8 });
  expectError(
    "input",
    () => quantizeGraph(graph, calibration, { layers }),
    `the plan names the layer "third", which the network does not have`,
    `the plan gives no bits to the layer "second"`,
    `expected exactly the layers "stem", "first", "second", "shortcut", "classifier"`,
  );
});
