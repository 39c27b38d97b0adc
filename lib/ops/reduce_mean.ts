import { normalizeAxis } from "../tensor/shape.ts";
import { globalPool } from "./average_pool.ts";
import { integersOf } from "./integers.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/** The mean over height and width is an average pool over the whole image, then a Reshape unless axes are kept. */
const onnx: OnnxImport = {
  type: "ReduceMean",
  attributes: {
    axes: { type: "ints", until: 17 },
    keepdims: { type: "int" },
    noop_with_empty_axes: { type: "int", since: 18 },
  },
  translate(node: ImportNode) {
    const { shape } = node.input(0)!;
    const axes = reducedAxes(node, shape.length);
    if (shape.length !== 4 || axes.join() !== "2,3") {
      node.fail(
        `reduces axes [${axes}] of an input of rank ${shape.length}, expected axes [2, 3] (height and width) of N, C, H, W`,
      );
    }
    const attributes = { ...globalPool(shape[2], shape[3]) };
    if (((node.attributes.keepdims as number | undefined) ?? 1) === 1) {
      return [{ op: "AveragePool", inputs: [node.inputs[0]], outputs: node.outputs, attributes }];
    }
    const pooled = node.temporary("mean");
    return [
      { op: "AveragePool", inputs: [node.inputs[0]], outputs: [pooled], attributes },
      { op: "Reshape", inputs: [pooled], outputs: node.outputs, attributes: { shape: shape.slice(0, 2) } },
    ];
  },
};

function reducedAxes(node: ImportNode, rank: number): number[] {
  const axes = node.input(1) !== undefined
    ? integersOf(node.constant(1, "axes"))
    : (node.attributes.axes as number[] | undefined) ?? [];
  if (axes.length === 0) return Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b);
}

export const reduce_mean = { onnx };
