import assert from "node:assert/strict";
import { checkGraph } from "../../../lib/ir/check.ts";
import { dumpGraph } from "../../../lib/ir/dump.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import type { GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { canonicalize, PASSES, runPass } from "../../../lib/passes/mod.ts";
import { runGraph } from "../../run_graph.ts";
import {
  floats,
  info,
  int,
  INT32,
  integers,
  ints,
  model,
  node,
  ramp,
  smallNetwork,
  text,
} from "../onnx/sample_model.ts";

const batchNorm = (name: string, channels: number) => [
  ramp(`${name}.gamma`, [channels]),
  ramp(`${name}.beta`, [channels]),
  ramp(`${name}.mean`, [channels]),
  floats(`${name}.variance`, [channels], Array.from({ length: channels }, (_, i) => 0.5 + i)),
];
const batchNormInputs = (name: string): string =>
  ["gamma", "beta", "mean", "variance"].map((p) => `${name}.${p}`).join(" ");
const kernel = (size: number) => ints("kernel_shape", [size, size]);

/** Two directions of a recurrence over `length` of 4 steps, of all N sequences: Y and the last h, one behind the other. */
const ofLength = (length: number, type: string, gates: number): Plain<GraphProto> => ({
  input: [info("x", ["N", 4, 3])],
  output: [info("y", ["N", 5, 2, 2])],
  initializer: [
    ramp("w", [2, 2 * gates, 3]),
    ramp("r", [2, 2 * gates, 2]),
    integers("zero", [0]),
    integers("one", [1]),
    integers("step", [0, 1, 2, 2]),
  ],
  node: [
    node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
    node("Shape", "x", "s"),
    node("Slice", "s zero one", "n"),
    node("ConstantOfShape", "n", "lengths", [
      { name: "value", type: 4, t: { dims: [1], dataType: INT32, int32Data: [length] } },
    ]),
    node(type, "t w r - lengths", "h last", [text("direction", "bidirectional")], "memory"),
    node("Transpose", "h", "steps", [ints("perm", [2, 0, 1, 3])]),
    node("Transpose", "last", "p", [ints("perm", [1, 0, 2])]),
    node("Reshape", "p step", "end"),
    node("Concat", "steps end", "y", [int("axis", 1)]),
  ],
});

/** Small graphs, each with something for a pass to do. */
const CASES: Readonly<Record<string, Plain<GraphProto>>> = {
  "small network": smallNetwork(),
  "pads before a convolution and two kinds of pool": {
    input: [info("x", ["N", 2, 5, 5])],
    output: [info("y", ["N", 6, 5, 5])],
    initializer: [integers("pads", [0, 0, 1, 1, 0, 0, 1, 1]), ramp("w", [2, 2, 3, 3])],
    node: [
      node("Pad", "x pads", "p"),
      node("Conv", "p w", "c", [kernel(3)]),
      node("AveragePool", "p", "a", [kernel(3)]),
      node("MaxPool", "p", "m", [kernel(3)]),
      node("Concat", "c a m", "y", [int("axis", 1)]),
    ],
  },
  "a pad whose zeros an average does not count stays": {
    input: [info("x", ["N", 1, 4, 4])],
    output: [info("y", ["N", 1, 6, 6])],
    initializer: [integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])],
    node: [node("Pad", "x pads", "p"), node("AveragePool", "p", "y", [kernel(3), ints("pads", [1, 1, 1, 1])])],
  },
  "clips of clips, and a clip that another node reads past": {
    input: [info("x", ["N", 2, 3, 3])],
    output: [info("y", ["N", 2, 3, 3])],
    initializer: [ramp("w", [2, 2, 1, 1]), floats("low", [], [-0.25]), floats("high", [], [0.5])],
    node: [
      node("Conv", "x w", "c", [kernel(1)]),
      node("Clip", "c low high", "d"),
      node("Relu", "d", "e"),
      node("Conv", "x w", "f", [kernel(1)]),
      node("Relu", "f", "g"),
      node("Sum", "e f g", "s"),
      node("Relu", "s", "y"),
    ],
  },
  "a batch normalization that nothing can take in": {
    input: [info("x", ["N", 2, 3, 3])],
    output: [info("y", ["N", 2, 3, 3])],
    initializer: batchNorm("bn", 2),
    node: [node("Relu", "x", "r"), node("BatchNormalization", `r ${batchNormInputs("bn")}`, "y")],
  },
  "a batch normalization of a matrix, behind a Relu": {
    input: [info("x", ["N", 4])],
    output: [info("y", ["N", 3])],
    initializer: [ramp("w", [4, 3]), ...batchNorm("bn", 3)],
    node: [
      node("MatMul", "x w", "m"),
      node("Relu", "m", "r"),
      node("BatchNormalization", `r ${batchNormInputs("bn")}`, "y"),
    ],
  },
  "a constant bias behind a MatMul, reshapes of reshapes, identities": {
    input: [info("x", ["N", 2, 2, 2])],
    output: [info("y", ["N", 3])],
    initializer: [ramp("w", [8, 3]), ramp("b", [3]), integers("flat", [0, -1]), integers("again", [-1, 8])],
    node: [
      node("Identity", "x", "i"),
      node("Reshape", "i flat", "r"),
      node("Reshape", "r again", "s"),
      node("MatMul", "s w", "m"),
      node("Add", "b m", "a"),
      node("Dropout", "a", "y"),
    ],
  },
  "sequences of the same constant length": ofLength(3, "LSTM", 4),
  "sequences that are all there": ofLength(4, "GRU", 3),
  "a reshape of an image to another image": {
    input: [info("x", ["N", 4, 3, 4])],
    output: [info("y", ["N", 6, 2, 2])],
    initializer: [integers("half", [0, 8, 3, 2]), integers("image", [-1, 6, 4, 2]), ramp("w", [6, 6, 3, 1])],
    node: [
      node("Relu", "x", "r"),
      node("Reshape", "r half", "s"),
      node("Reshape", "s image", "t"),
      node("Conv", "t w", "y"),
    ],
  },
};

function imported(graph: Plain<GraphProto>): Graph {
  return importModel(model(graph), { where: "case.onnx" }).graph;
}

function randomImage(graph: Graph): Float32Array {
  const random = seededRandom(11);
  return Float32Array.from({ length: sizeOf(graph.values.get(graph.inputs[0])!.shape) }, () => random.normal());
}

function assertClose(found: Float32Array, expected: Float32Array, what: string): void {
  const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  found.forEach((v, i) =>
    assert.ok(Math.abs(v - expected[i]) <= 2e-6 * scale, `${what}: element ${i}: ${v} ${expected[i]}`)
  );
}

for (const [name, proto] of Object.entries(CASES)) {
  Deno.test(`passes keep the results of: ${name}`, () => {
    let graph = imported(proto);
    const image = randomImage(graph);
    const expected = runGraph(graph, image);
    for (const pass of PASSES) {
      graph = runPass(pass, graph);
      checkGraph(graph);
      assertClose(runGraph(graph, image), expected, pass.name);
      assert.equal(pass.rewrite(graph), undefined, `${pass.name} has more to do on a second run`);
    }
    const again = canonicalize(graph);
    assert.equal(dumpGraph(again), dumpGraph(graph), "canonical graphs do not change any more");
  });
}

Deno.test("canonical graphs of the cases, as text", async (t) => {
  for (const [name, proto] of Object.entries(CASES)) {
    await t.step(name, async (t) => await assertDump(t, dumpGraph(canonicalize(imported(proto)))));
  }
});

const GOLDEN = new URL("../../../testdata/golden/passes/", import.meta.url);

async function assertDump(t: Deno.TestContext, text: string): Promise<void> {
  const file = new URL(`${t.name.replace(/[^a-z]+/g, "_")}.txt`, GOLDEN);
  if (Deno.args.includes("--update")) {
    await Deno.mkdir(GOLDEN, { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  assert.equal(text, await Deno.readTextFile(file));
}

/** Operators that other nodes take in wherever they stand in the real networks. */
const FOLDED = ["BatchNormalization", "ChannelAffine", "Clip", "Identity", "Pad"];

Deno.test("the real networks keep their results", async () => {
  for (const name of ["resnet20", "mobile", "inception"]) {
    const bytes = await Deno.readFile(new URL(`../../../testdata/models/${name}.onnx`, import.meta.url));
    const { graph } = importModel(bytes, { where: name });
    const canonical = canonicalize(graph);
    const left = canonical.nodes.filter(({ op }) => FOLDED.includes(op));
    assert.deepEqual(left.map((n) => n.name), [], `${name}: everything folds`);
    const image = randomImage(graph);
    const expected = runGraph(graph, image);
    const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    runGraph(canonical, image).forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-4 * scale));
  }
});
