import assert from "node:assert/strict";
import { importModel } from "../../../lib/onnx/import.ts";
import type { GraphProto } from "../../../lib/onnx/messages.ts";
import type { Plain } from "../../../lib/onnx/schema.ts";
import { info, int, integers, ints, model, node } from "./sample_model.ts";

const OPTIONS = { where: "m.onnx" };

/** A graph over x [batch, 2, 4, 4] that ends in y, of a shape that the file leaves open. */
function over(batch: number | string, nodes: Plain<GraphProto>["node"], more: Plain<GraphProto> = {}): Uint8Array {
  return model({
    input: [info("x", [batch, 2, 4, 4])],
    output: [{ name: "y", type: { tensorType: { elemType: 1 } } }],
    node: nodes,
    ...more,
  });
}

function outputShape(bytes: Uint8Array): readonly number[] {
  return importModel(bytes, OPTIONS).graph.values.get("y")!.shape;
}

function reshape(target: number[]) {
  return [[node("Reshape", "x shape", "y")], { initializer: [integers("shape", target)] }] as const;
}

Deno.test("an open batch is one image, when every image is computed by itself", () => {
  assert.deepEqual(outputShape(over("N", [node("Relu", "x", "y")])), [1, 2, 4, 4]);
  assert.deepEqual(outputShape(over("N", ...reshape([-1, 32]))), [1, 32]);
  assert.deepEqual(outputShape(over("N", ...reshape([0, -1]))), [1, 32]);
  assert.deepEqual(outputShape(over(0, [node("Relu", "x", "y")])), [1, 2, 4, 4], "0 is an open extent");
});

Deno.test("nodes that mix images are refused by name", () => {
  const mixing: [Plain<GraphProto>["node"], Plain<GraphProto>, RegExp][] = [
    [...reshape([1, -1]), /node Reshape_0 \(Reshape\) mixes images: its output y has shape \[1,32\] .* \[1,64\] for 2/],
    [...reshape([2, -1]), /node Reshape_0 \(Reshape\) mixes images: .* \[2,16\] for one image and \[2,32\] for 2/],
    [...reshape([1, 32]), /Reshape_0 \(Reshape\): cannot reshape .* \(with 2 images, while one image works/],
    [[node("Flatten", "x", "y", [int("axis", 0)])], {}, /node Flatten_0 \(Reshape\) mixes images/],
    [[node("Concat", "x x", "y", [int("axis", 0)])], {}, /node Concat_0 \(Concat\) mixes images: .* \[2,2,4,4\]/],
    [
      [
        node("Transpose", "x", "t", [ints("perm", [1, 0, 2, 3])]),
        node("Relu", "t", "r"),
        node("Concat", "r r", "y", [
          int("axis", 1),
        ]),
      ],
      {},
      /node Concat_2 \(Concat\) mixes images: .* \[2,2,4,4\] for one image and \[2,4,4,4\] for 2; .*--input-shape/,
    ],
    [[node("Softmax", "x", "y", [int("axis", 0)])], {}, /node Softmax_0 \(Softmax\): .*axis 0/],
    [[node("LogSoftmax", "x", "y", [int("axis", -4)])], {}, /node LogSoftmax_0 \(LogSoftmax\): .*axis 0/],
    [
      [node("Relu", "x", "r"), node("Pad", "r pads", "y")],
      { initializer: [integers("pads", [1, 0, 0, 0, 0, 0, 0, 0])] },
      /node Pad_1 \(Pad\) mixes images/,
    ],
  ];
  for (const [nodes, more, message] of mixing) {
    assert.throws(() => importModel(over("N", nodes, more), OPTIONS), (error: Error) => {
      assert.equal(error.name, "DyadError", error.stack);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("images may lie on any axis that nothing combines", () => {
  const turned = node("Transpose", "x", "t", [ints("perm", [2, 0, 1, 3])]);
  const back = node("Transpose", "s", "y", [ints("perm", [1, 2, 0, 3])]);
  for (const op of ["Sigmoid", "Tanh", "Relu", "Identity", "Softmax"]) {
    assert.deepEqual(outputShape(over("N", [turned, node(op, "t", "s"), back])), [1, 2, 4, 4]);
  }
  const along = [turned, node("Softmax", "t", "s", [int("axis", 1)]), back];
  assert.throws(() => importModel(over("N", along), OPTIONS), /node Softmax_1 \(Softmax\) mixes images/);
  const rows = { initializer: [integers("rows", [-1, 8])] };
  assert.deepEqual(outputShape(over("N", [turned, node("Reshape", "t rows", "y")], rows)), [4, 8]);
  const columns = { initializer: [integers("columns", [4, -1])] };
  assert.throws(
    () => importModel(over("N", [turned, node("Reshape", "t columns", "y")], columns), OPTIONS),
    /node Reshape_1 \(Reshape\) mixes images/,
  );
});

Deno.test("products of computed matrices are computed image by image", () => {
  const squares = [node("Transpose", "x", "t", [ints("perm", [0, 1, 3, 2])]), node("MatMul", "x t", "y")];
  assert.deepEqual(outputShape(over("N", squares)), [1, 2, 4, 4]);
  const across = [
    node("Flatten", "x", "f"),
    node("Transpose", "f", "t", [ints("perm", [1, 0])]),
    node("MatMul", "f t", "y"),
  ];
  assert.throws(
    () => importModel(over("N", across), OPTIONS),
    /node MatMul_2 \(MatMul\) mixes images: .* \[2,2\] for 2/,
  );
});

Deno.test("a batch fixed at one may be reshaped at will", () => {
  assert.deepEqual(outputShape(over(1, ...reshape([2, -1]))), [2, 16]);
  assert.deepEqual(outputShape(over(1, [node("Transpose", "x", "y")])), [4, 4, 2, 1]);
  assert.throws(
    () => importModel(over(1, [node("Relu", "x", "y")], { output: [info("y", [2, 2, 4, 4])] }), OPTIONS),
    /value y has shape \[1,2,4,4\] for one image, the file declares \[2,2,4,4\]/,
  );
});

Deno.test("a batch fixed above one is bound to one image, where that can be", () => {
  assert.deepEqual(outputShape(over(8, [node("Relu", "x", "y")], { output: [info("y", [8, 2, 4, 4])] })), [1, 2, 4, 4]);
  assert.throws(
    () => importModel(over(8, ...reshape([8, 32])), OPTIONS),
    /Reshape_0 .* \(with one image; the file fixes the batch at 8: export it with an open batch axis\)/,
  );
  assert.throws(() => importModel(over(8, ...reshape([1, -1])), OPTIONS), /mixes images: .* \[1,256\] for 8/);
});

Deno.test("several inputs must agree on the batch", () => {
  const two = (a: number | string, b: number | string) =>
    model({
      input: [info("a", [a, 4]), info("b", [b, 4])],
      output: [info("y", ["N", 4])],
      node: [node("Add", "a b", "y")],
    });
  assert.deepEqual(outputShape(two("N", "M")), [1, 4]);
  assert.deepEqual(outputShape(two(3, 3)), [1, 4]);
  for (const [a, b] of [[2, 3], ["N", 1], [1, 2]]) {
    assert.throws(() => importModel(two(a, b), OPTIONS), /the inputs disagree on axis 0, the batch: a \[.*\], b \[/);
  }
});
