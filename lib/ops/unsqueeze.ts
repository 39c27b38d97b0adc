import { normalizeAxis } from "../tensor/shape.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";
import { axesOf } from "./squeeze.ts";

const onnx: OnnxImport = {
  type: "Unsqueeze",
  attributes: { axes: { type: "ints", until: 12 } },
  translate(node: ImportNode) {
    const { shape } = node.input(0)!;
    const axes = axesOf(node);
    if (axes === undefined) node.fail("axes are missing");
    const rank = shape.length + axes.length;
    const inserted = new Set(axes.map((axis) => normalizeAxis(axis, rank)));
    if (inserted.size !== axes.length) node.fail(`axes [${axes}] name one axis twice`);
    let next = 0;
    const expanded = Array.from({ length: rank }, (_, axis) => inserted.has(axis) ? 1 : shape[next++]);
    return [{ op: "Reshape", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { shape: expanded } }];
  },
};

export const unsqueeze = { onnx };
