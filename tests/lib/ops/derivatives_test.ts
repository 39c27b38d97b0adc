import assert from "node:assert/strict";
import type { Node } from "../../../lib/ir/graph.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import type { Point } from "../../../lib/ops/operator.ts";
import type { Shape } from "../../../lib/tensor/shape.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";

const RELU = { low: 0, high: Infinity };
const floats = (...values: number[]): Float32Array => Float32Array.from(values);

function pointAt(op: string, attributes: Node["attributes"], shape: Shape, x: Float32Array) {
  const operator = operatorOf(op);
  const node: Node = { name: "n", op, attributes, inputs: ["x"], outputs: ["y"] };
  const input = tensor("f32", shape, x);
  const [type] = operator.infer(node, [{ name: "x", ...input, constant: undefined }]);
  const point: Point = { inputs: [input], outputs: operator.forward(node, [input], [{ name: "y", ...type }]) };
  return {
    tangent: (...t: number[]) => operator.derivatives.tangent(node, point, [floats(...t)])[0],
    gradient: (...g: number[]) => operator.derivatives.gradient(node, point, [floats(...g)], [true])[0],
  };
}

Deno.test("a result at a bound has derivative 0, on both sides of it and at it", () => {
  const relu = pointAt("Clip", RELU, [1, 4], floats(-1, 0, -0, 2));
  assert.deepEqual(relu.tangent(5, 6, 7, 8), floats(0, 0, 0, 8));
  assert.deepEqual(relu.gradient(5, 6, 7, 8), floats(0, 0, 0, 8));
});

Deno.test("a bound that float32 rounds is still a bound", () => {
  // float32(0.1) > 0.1 and float32(0.7) < 0.7: compared in float64, clamped results would lie between the bounds.
  const clip = pointAt("Clip", { low: 0.1, high: 0.7 }, [1, 3], floats(0, 0.5, 1));
  assert.deepEqual(clip.gradient(1, 2, 3), floats(0, 2, 0));
});

const POOL = { kernel: [2, 2], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0], ceilMode: false };

Deno.test("of equal largest taps the first one gets the gradient", () => {
  const pool = pointAt("MaxPool", POOL, [1, 1, 2, 4], floats(1, 3, 2, 2, 3, 0, 2, 2));
  assert.deepEqual(pool.gradient(5, 7), floats(0, 5, 7, 0, 0, 0, 0, 0));
  assert.deepEqual(pool.tangent(1, 2, 3, 4, 5, 6, 7, 8), floats(2, 3));
});

Deno.test("a window that lies in the padding altogether has no derivative", () => {
  const attributes = { ...POOL, pads: [2, 0, 0, 0] };
  const largest = pointAt("MaxPool", attributes, [1, 1, 2, 2], floats(1, 2, 3, 4));
  assert.deepEqual(largest.tangent(1, 2, 3, 4), floats(0, 4));
  assert.deepEqual(largest.gradient(5, 6), floats(0, 0, 0, 6));
  const average = pointAt("AveragePool", { ...attributes, countIncludePad: false }, [1, 1, 2, 2], floats(1, 2, 3, 4));
  assert.deepEqual(average.gradient(5, 6), floats(1.5, 1.5, 1.5, 1.5));
});

Deno.test("an input that an addition reads twice has a gradient for each time", () => {
  const x = tensor("f32", [1, 2], floats(1, -3));
  const node: Node = { name: "n", op: "Add", attributes: RELU, inputs: ["x", "x"], outputs: ["y"] };
  const { forward, derivatives } = operatorOf("Add");
  const point: Point = { inputs: [x, x], outputs: forward(node, [x, x], [{ name: "y", dtype: "f32", shape: [1, 2] }]) };
  assert.deepEqual(derivatives.gradient(node, point, [floats(4, 5)], [true, true]), [floats(4, 0), floats(4, 0)]);
});
