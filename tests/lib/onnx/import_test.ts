import assert from "node:assert/strict";
import { dumpGraph } from "../../../lib/ir/dump.ts";
import { importModel, type ImportOptions } from "../../../lib/onnx/import.ts";
import type { GraphProto, ModelProto } from "../../../lib/onnx/messages.ts";
import { encodeModel, type Plain } from "../../../lib/onnx/schema.ts";
import { ENTRIES } from "../../../lib/ops/mod.ts";
import { floats, info, int, integers, ints, model, node, ramp, smallNetwork, text } from "./sample_model.ts";

const OPTIONS: ImportOptions = { where: "m.onnx" };

function importGraph(graph: Plain<GraphProto>, rest: Parameters<typeof model>[1] = {}, options = OPTIONS) {
  return importModel(model(graph, rest), options);
}

/** x [N, 4] and y [N, 4] around the given nodes. */
function between(nodes: GraphNodes, more: Plain<GraphProto> = {}): Plain<GraphProto> {
  return { input: [info("x", ["N", 4])], output: [info("y", ["N", 4])], node: nodes, ...more };
}
type GraphNodes = NonNullable<Plain<GraphProto>["node"]>;

function fails(message: RegExp, graph: Plain<GraphProto>, rest?: Parameters<typeof model>[1], options = OPTIONS) {
  assert.throws(() => importGraph(graph, rest, options), (error: Error) => {
    assert.equal(error.name, "DyadError", String(error.stack));
    assert.ok(error.message.startsWith("m.onnx: "), error.message);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("a small network becomes a graph for one image", () => {
  const { graph, ...rest } = importGraph(smallNetwork(), { producerName: "me", producerVersion: "1" });
  assert.deepEqual(rest, {
    opset: 13,
    irVersion: 7,
    producer: "me 1",
    inputs: [{ name: "x", type: "float", shape: ["N", 1, 4, 4] }],
  });
  assert.equal(
    dumpGraph(graph).replaceAll(/ \{.*\}/g, ""),
    `graph sample
  input x:f32[1x1x4x4]
  c:f32[1x2x4x4] = Conv(x, const w:f32[2x1x3x3])  # Conv_0
  b:f32[1x2x4x4] = BatchNormalization(c, const gamma:f32[2], const beta:f32[2], const mean:f32[2], const variance:f32[2])  # BatchNormalization_1
  r:f32[1x2x4x4] = Clip(b)  # Relu_2
  p:f32[1x2x2x2] = MaxPool(r)  # MaxPool_3
  f:f32[1x8] = Reshape(p)  # Flatten_4
  y:f32[1x3] = Gemm(f, const matrix:f32[3x8], const Gemm_5.bias:f32[3])  # Gemm_5
  output y
`,
  );
  assert.equal(graph.values.has("bias"), false, "constants that nothing reads any more are dropped");
});

Deno.test("the sample CNNs import", () => {
  const counts = ["resnet20", "mobile", "inception"].map((name) => {
    const bytes = Deno.readFileSync(new URL(`../../../testdata/models/${name}.onnx`, import.meta.url));
    const { graph, inputs } = importModel(bytes, { where: name });
    assert.deepEqual(inputs, [{ name: "input", type: "float", shape: ["N", 1, 28, 28] }]);
    assert.deepEqual(graph.values.get("logits")!.shape, [1, 10]);
    return graph.nodes.length;
  });
  // Without the Identity nodes on initializers (resnet20) and the Constant nodes (mobile, inception), which are folded.
  assert.deepEqual(counts, [73, 75, 122]);
});

Deno.test("initializers that are also graph inputs are not inputs (IR version 3)", () => {
  const network = smallNetwork();
  const listed = network.initializer!.map(({ name, dims }) => info(name!, dims!.map(Number)));
  const { graph } = importGraph({ ...network, input: [...listed, ...network.input!] }, { irVersion: 3, opset: 9 });
  assert.deepEqual(graph.inputs, ["x"]);
});

Deno.test("nodes and values get unique stable names", () => {
  const graph = between([
    node("Relu", "x", "a", [], "act"),
    node("Relu", "a", "b", [], "act"),
    node("Relu", "b", "c"),
    node("Relu", "c", "y", [], "Relu_2"),
  ]);
  assert.deepEqual(importGraph(graph).graph.nodes.map(({ name }) => name), ["act", "act_2", "Relu_2_2", "Relu_2"]);
});

Deno.test("a node that becomes several gets a suffix, and generated values avoid the file's names", () => {
  const { graph } = importGraph({
    input: [info("x", ["N", 2, 4, 4])],
    output: [info("y", ["N", 2])],
    node: [
      node("Relu", "x", "m.mean"),
      node("ReduceMean", "m.mean", "y", [ints("axes", [2, 3]), int("keepdims", 0)], "m"),
    ],
  });
  assert.deepEqual(graph.nodes.slice(1).map(({ name, outputs }) => [name, ...outputs]), [
    ["m", "m.mean_2"],
    ["m.Reshape", "y"],
  ]);
});

Deno.test("what depends on constants only is computed", () => {
  const { graph } = importGraph(between([
    node("Constant", "", "one", [{ name: "value", type: 4, t: floats("", [1], [1]) }]),
    node("Concat", "one two", "three", [int("axis", 0)]),
    node("Unsqueeze", "three axis", "four"),
    node("Squeeze", "four axis", "five"),
    node("Add", "five five", "sum"),
    node("Add", "x sum", "y"),
  ], { initializer: [floats("two", [3], [2, 3, 4]), integers("axis", [0])] }));
  assert.equal(graph.nodes.length, 1);
  const shift = graph.values.get(graph.nodes[0].inputs[2])!.constant!;
  assert.deepEqual([...shift.data], [2, 4, 6, 8]);
});

Deno.test("nodes that no output depends on need not be supported", () => {
  const { graph } = importGraph(between([node("Mystery", "x", "m"), node("Relu", "x", "y"), node("Relu", "m", "n")]));
  assert.deepEqual(graph.nodes.map(({ op }) => op), ["Clip"]);
});

Deno.test("open extents are bound by inputShapes", () => {
  const graph = {
    input: [info("x", ["N", 3, "height", "width"])],
    output: [info("y", ["N", 3, "height", "width"])],
    node: [node("Relu", "x", "y")],
  };
  const bound = importGraph(graph, {}, { ...OPTIONS, inputShapes: { x: [1, 3, 5, 6] } });
  assert.deepEqual(bound.graph.values.get("y")!.shape, [1, 3, 5, 6]);
  assert.deepEqual(bound.inputs[0].shape, ["N", 3, "height", "width"]);
  fails(/input x leaves axis 2 \(height\) open: .* --input-shape x=1,3,height,width/, graph);
  const wrong = [[1, 3, 5], [1, 4, 5, 6], [2, 3, 5, 6], [1, 3, 0, 6], [1, 3, 1.5, 6]];
  for (const x of wrong) {
    fails(/--input-shape gives x as \[.*\], the file declares \[N,3,height,width\]/, graph, {}, {
      ...OPTIONS,
      inputShapes: { x },
    });
  }
  fails(/--input-shape names "z", the model's inputs are x/, graph, {}, { ...OPTIONS, inputShapes: { z: [1] } });
  const noShape = { ...graph, input: [{ name: "x", type: { tensorType: { elemType: 1 } } }] };
  fails(/input x has no shape in the file; give it with --input-shape x=1,.../, noShape);
  const given = importGraph(noShape, {}, { ...OPTIONS, inputShapes: { x: [1, 3, 5, 6] } });
  assert.deepEqual(given.graph.values.get("y")!.shape, [1, 3, 5, 6]);
});

Deno.test("all unsupported operators and attributes are told at once, with the nodes", () => {
  const graph = between([
    node("Gru", "x", "a"),
    node("Gru", "a", "b", [], "second"),
    { ...node("Relu", "b", "c"), domain: "com.example" },
    node("Relu", "c", "d", [{ name: "alpha", type: 1, f: 1 }]),
    node("Clip", "d", "e", [{ name: "min", type: 1, f: 0 }]),
    node("Flatten", "e", "y", [text("axis", "1")]),
  ]);
  let message = "";
  try {
    importGraph(graph);
  } catch (error) {
    message = (error as Error).message;
  }
  assert.deepEqual(message.split("\n").slice(0, -1), [
    "m.onnx: the model cannot be imported:",
    "  operator Gru is not supported (nodes Gru_0, second)",
    "  operator com.example.Relu is not supported (node Relu_2)",
    '  node Relu_3 (Relu): attribute "alpha" is not supported',
    "  node Clip_4 (Clip): attribute min exists up to opset 10, found 13",
    "  node Flatten_5 (Flatten): attribute axis is of type string, expected int",
  ]);
});

Deno.test("attributes are checked against opset, type and range", () => {
  const clip = (attribute: Parameters<typeof node>[3]) => between([node("Flatten", "x", "y", attribute)]);
  fails(/attribute "__proto__" is not supported/, clip([int("__proto__", 1)]));
  fails(/attribute axis is there twice/, clip([int("axis", 1), int("axis", 1)]));
  fails(
    /axis is 9223372036854775807, expected an integer of at most 53 bits/,
    clip([{ name: "axis", type: 2, i: 2n ** 63n - 1n }]),
  );
  fails(/attribute axis refers to one of a function/, clip([{ name: "axis", type: 2, refAttrName: "a" }]));
  fails(
    /attribute value_float exists from opset 12 on, found 11/,
    between([node("Constant", "", "c", [{ name: "value_float", type: 1, f: 1 }]), node("Add", "x c", "y")]),
    { opset: 11 },
  );
  // Files of IR version 1 do not say an attribute's type.
  assert.equal(importGraph(clip([{ name: "axis", i: 1 }])).graph.nodes.length, 1);
});

Deno.test("quantized models and control flow get a hint", () => {
  fails(/DequantizeLinear is not supported[^]*quantized already/, between([node("DequantizeLinear", "x x", "y")]));
  const branch = { name: "then_branch", type: 5, g: { name: "sub" } };
  fails(/operator If is not supported[^]*subgraphs/, between([node("If", "x", "y", [branch])]));
});

Deno.test("errors of the model as a whole", () => {
  const relu = between([node("Relu", "x", "y")]);
  const cases: [RegExp, Plain<GraphProto>, Plain<ModelProto> & { opset?: number }][] = [
    [/uses opset 8, expected 9 to 21/, relu, { opset: 8 }],
    [/uses opset 22, expected 9 to 21/, relu, { opset: 22 }],
    [/imports no opset of the default domain/, relu, { opsetImport: [{ domain: "ai.onnx.ml", version: 3 }] }],
    [/defines functions \(f\)/, relu, { functions: [{ name: "f" }] }],
    [/sparse initializers \(s\)/, { ...relu, sparseInitializer: [{ values: { name: "s" } }] }, {}],
    [/the graph has no outputs/, { ...relu, output: [] }, {}],
    [
      /the graph has no inputs/,
      { ...between([]), input: [], output: [info("w", [4])], initializer: [ramp("w", [4])] },
      {},
    ],
    [/two inputs named "x"/, { ...relu, input: [info("x", ["N", 4]), info("x", ["N", 4])] }, {}],
    [/lists the output "y" twice/, { ...relu, output: [info("y", ["N", 4]), info("y", ["N", 4])] }, {}],
    [/nothing computes the graph output "z"/, { ...relu, output: [info("z", ["N", 4])] }, {}],
    [/two initializers are named "w"/, { ...relu, initializer: [ramp("w", [1]), ramp("w", [1])] }, {}],
    [/an initializer has no name/, { ...relu, initializer: [ramp("", [1])] }, {}],
    [
      /Relu_0 reads "a", which node Relu_1 computes only later/,
      between([node("Relu", "a", "y"), node("Relu", "x", "a")]),
      {},
    ],
    [/Relu_0 reads "a", which nothing in the graph defines/, between([node("Relu", "a", "y")]), {}],
    [/"y" is defined twice, again by node Relu_1/, between([node("Relu", "x", "y"), node("Relu", "x", "y")]), {}],
    [/node Relu_0 \(Relu\): its first input is missing/, between([node("Relu", "", "y")]), {}],
    [/node Conv_0 \(Conv\): input 1 \(weights\) is missing/, between([node("Conv", "x", "y")]), {}],
    [
      /node Conv_0 \(Conv\): input 1 \(weights\), "x", is computed at run time/,
      between([node("Conv", "x x", "y")]),
      {},
    ],
    [
      /output "mask" is used, but only the first output of this operator can be/,
      between([node("Dropout", "x", "d mask"), node("Add", "d mask", "y")]),
      {},
    ],
    [
      /the graph output "w" is constant/,
      { ...relu, output: [info("y", ["N", 4]), info("w", [4])], initializer: [ramp("w", [4])] },
      {},
    ],
    [
      /initializer "w" holds NaN at index \[2\]/,
      between([node("Add", "x w", "y")], { initializer: [floats("w", [4], [1, 2, NaN, 4])] }),
      {},
    ],
    [
      /attribute value of node Constant_0 \(Constant\) holds Infinity at index \[1\]/,
      between([
        node("Constant", "", "c", [{ name: "value", type: 4, t: floats("", [4], [1, Infinity, 3, 4]) }]),
        node("Add", "x c", "y"),
      ]),
      {},
    ],
    [
      /value y has shape \[1,4\] for one image, the file declares \[\?,5\]/,
      { ...relu, output: [info("y", ["N", 5])] },
      {},
    ],
    [
      /value a has shape \[1,4\] for one image, the file declares \[4\]/,
      between([node("Relu", "x", "a"), node("Relu", "a", "y")], { valueInfo: [info("a", [4])] }),
      {},
    ],
    [/value y is f32, the file declares f64/, { ...relu, output: [info("y", ["N", 4], 11)] }, {}],
    [/input x holds uint8, expected float/, { ...relu, input: [info("x", ["N", 4], 2)] }, {}],
    [/input x is not a tensor/, { ...relu, input: [{ name: "x", type: { sequenceType: {} } }] }, {}],
    [/input x is a scalar/, { ...relu, input: [info("x", [])] }, {}],
    [
      /node Squeeze_0 \(Squeeze\): axis 7 is outside a tensor of rank 2/,
      between([node("Squeeze", "x axes", "y")], { initializer: [integers("axes", [7])] }),
      {},
    ],
    [
      /node Pad_0 \(Pad\): .*impossible shape|constant of .* elements/,
      between([node("Pad", "w pads", "big"), node("Add", "x big", "y")], {
        initializer: [ramp("w", [4]), integers("pads", [2 ** 40, 0])],
      }),
      {},
    ],
  ];
  for (const [message, graph, rest] of cases) fails(message, graph, rest);
  assert.throws(() => importModel(encodeModel({ irVersion: 7 }), OPTIONS), /m.onnx: found 2 bytes without a graph/);
  const unversioned = encodeModel({ graph: relu });
  assert.throws(() => importModel(unversioned, OPTIONS), /without an IR version, expected an ONNX model/);
});

Deno.test("external data: each file is asked for once, and only for initializers in use", () => {
  const external = (name: string, offset: number): NonNullable<Plain<GraphProto>["initializer"]>[number] => ({
    name,
    dims: [1],
    dataType: 1,
    dataLocation: 1,
    externalData: Object.entries({ location: "w.bin", offset: String(offset) }).map(([key, value]) => ({ key, value })),
  });
  const graph = between([node("Add", "x a", "s"), node("Add", "s b", "y")], {
    initializer: [external("a", 0), external("b", 4), external("unused", 1000)],
  });
  const asked: string[] = [];
  const { graph: imported } = importGraph(graph, {}, {
    ...OPTIONS,
    external(location) {
      asked.push(location);
      return new Uint8Array(Float32Array.of(5, 6).buffer);
    },
  });
  assert.deepEqual(asked, ["w.bin"]);
  const shifts = imported.nodes.map(({ inputs }) => imported.values.get(inputs[2])!.constant!.data[0]);
  assert.deepEqual(shifts, [5, 6]);
  fails(/initializer "a" \(float \[1\]\) is kept in the file w.bin beside the model/, graph);
});

Deno.test("an operator that is not in the list is unknown; those in the list are told", () => {
  const types = ENTRIES.flatMap(({ onnx }) => onnx ? [onnx.type] : []);
  fails(new RegExp(types.toSorted().join(", ")), between([node("Nope", "x", "y")]));
});
