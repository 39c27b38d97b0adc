import assert from "node:assert/strict";
import { inputError } from "../../../lib/format/error.ts";
import type { Graph, Value } from "../../../lib/ir/graph.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import type { AttributeProto, GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { importOf } from "../../../lib/ops/mod.ts";
import type { RawAttributes } from "../../../lib/ops/operator.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";
import { expectError } from "../format/expect_error.ts";
import { info, int, INT64, integers, ints, model, node, ramp, text } from "./sample_model.ts";

/** An attribute of several strings. */
function strings(name: string, values: readonly string[]): Plain<AttributeProto> {
  return { name, type: 8, strings: values.map((value) => new TextEncoder().encode(value)) };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

const SEQUENCE = ["T", "N", 3];

/** An RNN of 2 hidden values over x and a state h, with outputs y and the last state. */
function recurrent(x: readonly (number | string)[], h: readonly (number | string)[], more: Plain<GraphProto> = {}) {
  return model({
    input: [info("x", x), info("h", h)],
    output: [info("y", ["?", 1, "?", 2]), info("last", [1, "?", 2])],
    initializer: [ramp("w", [1, 2, 3]), ramp("r", [1, 2, 2])],
    node: [node("RNN", "x w r - - h", "y last")],
    ...more,
  });
}

function imported(bytes: Uint8Array, inputShapes: Shapes = {}): Graph {
  return importModel(bytes, { where: "m.onnx", inputShapes }).graph;
}

function shapesOf({ values, inputs, outputs }: Graph): (readonly number[])[] {
  return [...inputs, ...outputs].map((name) => values.get(name)!.shape);
}

Deno.test("where the inputs disagree on axis 0, the batch is the symbol that all of them hold", () => {
  const bytes = recurrent(SEQUENCE, [1, "N", 2]);
  assert.deepEqual(shapesOf(imported(bytes, { x: [5, 1, 3] })), [[5, 1, 3], [1, 1, 2], [5, 1, 1, 2], [1, 1, 2]]);
  expectError("input", () => imported(bytes), /input x leaves axis 0 \(T\) open: .*--input-shape x=T,1,3/);
  expectError(
    "input",
    () => imported(bytes, { x: [5, 2, 3] }),
    /the inputs disagree on axis 0, the batch: x \[T,N,3\], h/,
  );
});

Deno.test("inputs may have names that every object has", () => {
  const bytes = recurrent(SEQUENCE, SEQUENCE, {
    input: [info("constructor", ["N", 4, 3])],
    node: [node("Relu", "constructor", "y")],
    output: [info("y", ["N", 4, 3])],
  });
  assert.deepEqual(shapesOf(imported(bytes)), [[1, 4, 3], [1, 4, 3]]);
});

Deno.test("one input with time on axis 0 says so by the shape for one image", () => {
  const bytes = recurrent(SEQUENCE, SEQUENCE, {
    input: [info("x", SEQUENCE)],
    node: [node("RNN", "x w r", "y last")],
  });
  assert.deepEqual(shapesOf(imported(bytes, { x: [5, 1, 3] }))[1], [5, 1, 1, 2]);
  expectError(
    "input",
    () => imported(bytes, { x: [1, 4, 3] }),
    /node RNN_0 \(RNN\) mixes images: its output RNN_0.Y has shape \[1,4,2\] for one image and \[2,4,2\] for 2; .*--input-shape/,
  );
});

Deno.test("fixed shapes that --input-shape repeats are those of one sample", () => {
  const bytes = recurrent([5, 2, 3], [1, 2, 2]);
  expectError("input", () => imported(bytes), /the inputs disagree on axis 0.*one symbol.*one sample.*--input-shape/);
  assert.deepEqual(shapesOf(imported(bytes, { x: [5, 2, 3], h: [1, 2, 2] }))[2], [5, 1, 2, 2]);
});

Deno.test("operators that take one image refuse several of them on axis 0", () => {
  const bytes = model({
    input: [info("x", [2, 1, 4, 4])],
    output: [info("y", [2, 1, 3, 3])],
    node: [node("Relu", "x", "z"), node("MaxPool", "z", "y", [{ name: "kernel_shape", type: 7, ints: [2, 2] }])],
  });
  assert.deepEqual(shapesOf(imported(bytes))[0], [1, 1, 4, 4]);
  expectError(
    "input",
    () => imported(bytes, { x: [2, 1, 4, 4] }),
    /node MaxPool_1 \(MaxPool\) takes one image, but its input z has shape \[2,1,4,4\]/,
  );
});

Deno.test("integers are inputs of the operators that take them, of no others", () => {
  const over = (...nodes: Plain<GraphProto>["node"][]) =>
    model({
      input: [info("ids", ["N", 3], INT64)],
      output: [info("y", ["N", "?", "?"])],
      initializer: [ramp("table", [7, 2]), integers("axes", [1])],
      node: nodes.flatMap((list) => list ?? []),
    });
  const graph = imported(over([node("Gather", "table ids", "y")]));
  assert.deepEqual(shapesOf(graph), [[1, 3], [1, 3, 2]]);
  assert.equal(graph.values.get("ids")!.dtype, "i64");
  for (const op of ["Sigmoid", "Relu", "Softmax"]) {
    const bytes = over([node(op, "ids", "z"), node("Unsqueeze", "z axes", "y")]);
    expectError("input", () => imported(bytes), new RegExp(`node ${op}_0 .*ids holds i64, expected float32`));
  }
});

Deno.test("gathering from the batch mixes images", () => {
  const bytes = model({
    input: [info("x", ["N", 3])],
    output: [info("y", ["?", 3])],
    initializer: [integers("first", [0])],
    node: [node("Gather", "x first", "y")],
  });
  expectError("input", () => imported(bytes), /node Gather_0 \(Gather\) mixes images/);
});

Deno.test("the zero state that exporters compute from shapes is a constant of the graph", () => {
  const bytes = model({
    input: [info("x", ["N", 5, 3])],
    output: [info("y", [5, 1, "N", 2])],
    initializer: [ramp("w", [1, 2, 3]), ramp("r", [1, 2, 2]), integers("axis", [1]), integers("ends", [1, 2])],
    node: [
      node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
      node("Shape", "t", "shape"),
      node("Gather", "shape axis", "batch"),
      node("Gather", "ends axis", "width"),
      node("Concat", "axis batch width", "state", [int("axis", 0)]),
      node("ConstantOfShape", "state", "h"),
      node("RNN", "t w r - - h", "y"),
    ],
  });
  const { nodes, values } = imported(bytes);
  assert.deepEqual(nodes.map(({ op }) => op), ["Transpose", "Gemm", "RNN", "Reshape"]);
  assert.deepEqual(values.get("RNN_6.h")!.constant, { dtype: "f32", shape: [1, 2], data: new Float32Array(2) });
});

Deno.test("Shape takes a part of the axes; ConstantOfShape repeats its value", () => {
  const extents = (attributes: RawAttributes) => constantOf("Shape", attributes, { dtype: "f32", shape: [2, 3, 4, 5] });
  for (const [start, end] of [[], [1], [-1], [undefined, 1], [undefined, -1], [1, 2], [1, -1], [-9, 9]]) {
    const attributes = { ...start !== undefined && { start }, ...end !== undefined && { end } };
    const expected = [2, 3, 4, 5].slice(start, end).map(BigInt);
    assert.deepEqual([...extents(attributes).data], expected, `${start} ${end}`);
  }
  const filled = (shape: number[], attributes: RawAttributes = {}) => {
    const constant = tensor("i64", [shape.length], BigInt64Array.from(shape, BigInt));
    return constantOf("ConstantOfShape", attributes, { ...constant, constant });
  };
  assert.deepEqual(filled([2, 1]), tensor("f32", [2, 1], Float32Array.of(0, 0)));
  assert.deepEqual(
    filled([2], { value: tensor("i32", [1], Int32Array.of(7)) }),
    tensor("i32", [2], Int32Array.of(7, 7)),
  );
  assert.deepEqual(filled([0, 3]).shape, [0, 3]);
  for (const shape of [[-1], [2 ** 20, 2 ** 20]]) {
    expectError("input", () => filled(shape), /the shape is .*no negative extents and at most \d+ elements/);
  }
});

Deno.test("Expand repeats constants along axes of extent 1", () => {
  const expanded = (shape: number[], target: number[], isComputed = false) => {
    const data = tensor("f32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => i));
    const wanted = tensor("i64", [target.length], BigInt64Array.from(target, BigInt));
    return constantOf("Expand", {}, { ...data, constant: isComputed ? undefined : data }, {
      ...wanted,
      constant: wanted,
    });
  };
  assert.deepEqual(expanded([1, 2], [3, 1]), tensor("f32", [3, 2], Float32Array.of(0, 1, 0, 1, 0, 1)));
  assert.deepEqual(expanded([2, 1], [1, 1, 2]), tensor("f32", [1, 2, 2], Float32Array.of(0, 0, 1, 1)));
  assert.deepEqual(expanded([], [2]), tensor("f32", [2], Float32Array.of(0, 0)));
  expectError("input", () => expanded([3], [2]), "cannot expand [3] to [2]");
  expectError("input", () => expanded([1], [-1]), "cannot expand [1] to [-1]");
  expectError("input", () => expanded([1], [2 ** 20, 2 ** 20]), "expected at most");
  expectError("input", () => expanded([1, 2], [3, 2], true), "expands [1,2], which is computed, to [3,2]");
});

Deno.test("Slice takes indices from either end, in steps, and ends that are as far as an int64 reaches", () => {
  const sliced = (...lists: (number | bigint)[][]) => {
    const names = ["starts", "ends", "axes", "steps"].slice(0, lists.length);
    const { values, nodes } = imported(model({
      input: [info("x", ["N", 3])],
      output: [info("y", ["N", "?"])],
      initializer: [
        ramp("w", [7, 3]),
        ...lists.map((list, i) => ({
          name: names[i],
          dims: [list.length],
          dataType: INT64,
          int64Data: list.map(BigInt),
        })),
      ],
      node: [node("Slice", `w ${names.join(" ")}`, "part"), node("Gemm", "x part", "y", [int("transB", 1)])],
    }));
    assert.deepEqual(nodes.map(({ op }) => op), ["Gemm"]);
    return [...values.get("part")!.constant!.data].map((v) => 4 * Number(v) + 3);
  };
  const all = Array.from({ length: 21 }, (_, i) => i % 7);
  const row = (i: number): number[] => all.slice(3 * i, 3 * i + 3);
  const far = 2n ** 63n - 1n;
  assert.deepEqual(sliced([5], [far]), [...row(5), ...row(6)]);
  assert.deepEqual(sliced([-2], [-1]), row(5));
  assert.deepEqual(sliced([1], [6], [0], [2]), [...row(1), ...row(3), ...row(5)]);
  assert.deepEqual(sliced([-1], [-far - 1n], [0], [-3]), [...row(6), ...row(3), ...row(0)]);
  expectError("input", () => sliced([0], [3], [0], [0]), /node Slice_0 \(Slice\): steps \[0\], expected positive/);
  expectError("input", () => sliced([0, 0], [3, 3], [0, -2]), /axes \[0,0\] name one axis twice/);
  expectError("input", () => sliced([0], [3, 3]), /starts \[0\], ends \[3,3\], .* differ in length/);
});

Deno.test("slices of the batch mix images", () => {
  const sliced = (start: number, end: number) =>
    imported(model({
      input: [info("x", ["N", 3])],
      output: [info("y", ["?", 3])],
      initializer: [integers("start", [start]), integers("end", [end])],
      node: [node("Slice", "x start end", "y")],
    }));
  assert.deepEqual(shapesOf(sliced(0, 9))[1], [1, 3]);
  for (const [start, end] of [[0, 1], [-1, 9]]) {
    expectError("input", () => sliced(start, end), /node Slice_0 \(Slice\) mixes images/);
  }
});

/** The constant that a node of `type` becomes whose inputs are `values`. */
function constantOf(type: string, attributes: RawAttributes, ...values: readonly Omit<Value, "name">[]): Tensor {
  let added: Tensor | undefined;
  importOf(type)!.translate({
    name: "n",
    opset: 15,
    attributes,
    inputs: values.map((_, i) => `in${i}`),
    outputs: ["out"],
    input: (index) => ({ ...values[index], name: `in${index}` }),
    constant: (index) => values[index].constant!,
    addConstant(_suffix, constant) {
      added = constant;
      return "constant";
    },
    temporary: (suffix) => suffix,
    fail(message) {
      throw inputError(message);
    },
  });
  return added!;
}

Deno.test("attributes that recurrent nodes do not take are errors that name them", () => {
  const wrong: [Plain<AttributeProto>, RegExp][] = [
    [text("direction", "sideways"), /direction is "sideways", expected one of forward, reverse, bidirectional/],
    [int("hidden_size", 3), /hidden_size is 3, the recurrence weight R has 2 columns/],
    [{ name: "clip", type: 1, f: -1 }, /clip is -1, expected a positive number/],
    [strings("activations", ["Tanh", "Tanh"]), /activations lists 2 functions, expected 1/],
    [strings("activations", ["Softsign"]), /activation "Softsign" is not supported, expected Relu, Sigmoid, Tanh/],
    [int("linear_before_reset", 1), /linear_before_reset/],
  ];
  for (const [attribute, message] of wrong) {
    const bytes = recurrent([1, 1, 3], [1, 1, 2], { node: [node("RNN", "x w r - - h", "y last", [attribute])] });
    expectError("input", () => imported(bytes), /node RNN_0 \(RNN\)/, message);
  }
});

Deno.test("inputs of recurrent nodes that do not fit are errors that name them", () => {
  const wrong: [string, readonly number[], RegExp][] = [
    ["x w", [1, 2, 3], /weights W and R are missing/],
    ["h w r", [1, 2, 3], /X has shape \[1,2\] and R \[1,2,2\], expected three axes/],
    ["x w r", [1, 4, 3], /W \(w\) has shape \[1,4,3\], expected \[1,2,3\]/],
    ["x w r - - h", [1, 2, 3], /initial_h \(h\) has shape \[1,2\], expected \[1,1,2\]/],
    ["x w r - - - x", [1, 2, 3], /found 7 inputs, expected at most 6/],
    ["x x r", [1, 2, 3], /W \(x\) has shape \[1,1,3\], expected \[1,2,3\]/],
  ];
  for (const [inputs, shape, message] of wrong) {
    const bytes = recurrent([1, 1, 3], [1, 2], {
      initializer: [ramp("w", shape), ramp("r", [1, 2, 2])],
      node: [node("RNN", inputs, "y last")],
    });
    expectError("input", () => imported(bytes), /node RNN_0 \(RNN\)/, message);
  }
  const computed = recurrent([1, 2, 3], [1, 2, 2], { node: [node("RNN", "x x h", "y last")] });
  expectError("input", () => imported(computed), /input 1 \(W\), "x", is computed at run time; expected a constant/);
});

Deno.test("both matrices of a recurrent node are layers, each direction's by itself", () => {
  const bytes = model({
    input: [info("x", [5, 1, 3])],
    output: [info("y", [5, 2, 1, 2])],
    initializer: [ramp("w", [2, 8, 3]), ramp("r", [2, 8, 2])],
    node: [node("LSTM", "x w r", "y", [text("direction", "bidirectional")], "lstm")],
  });
  assert.deepEqual(imported(bytes, { x: [5, 1, 3] }).nodes.map(({ name, op }) => `${name} ${op}`), [
    "lstm.forward.W Gemm",
    "lstm.forward LSTM",
    "lstm.reverse.W Gemm",
    "lstm.reverse LSTM",
    "lstm.Y.part.Reshape Reshape",
    "lstm.Y.part_2.Reshape Reshape",
    "lstm.Y Concat",
  ]);
});

Deno.test("one known index of an axis is a slice of it", () => {
  const bytes = model({
    input: [info("x", ["N", 4, 3])],
    output: [info("y", ["N", 3])],
    initializer: [{ name: "last", dims: [], dataType: INT64, int64Data: [-2] }],
    node: [node("Gather", "x last", "y", [int("axis", 1)])],
  });
  const { nodes } = imported(bytes);
  assert.deepEqual(nodes.map(({ op }) => op), ["Slice", "Reshape"]);
  assert.deepEqual(nodes[0].attributes, { starts: [0, 2, 0], steps: [1, 1, 1], extents: [1, 1, 3] });
});
