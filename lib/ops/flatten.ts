import { sizeOf } from "../tensor/shape.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

const onnx: OnnxImport = {
  type: "Flatten",
  attributes: { axis: { type: "int" } },
  translate(node: ImportNode) {
    const { shape } = node.input(0)!;
    const axis = (node.attributes.axis as number | undefined) ?? 1;
    if (axis < -shape.length || axis > shape.length) {
      node.fail(`axis ${axis} is outside an input of rank ${shape.length}`);
    }
    const split = axis < 0 ? axis + shape.length : axis;
    const flat = [sizeOf(shape.slice(0, split)), sizeOf(shape.slice(split))];
    return [{ op: "Reshape", inputs: node.inputs, outputs: node.outputs, attributes: { shape: flat } }];
  },
};

export const flatten = { onnx };
