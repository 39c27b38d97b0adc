import type { ImportNode, OnnxImport } from "./operator.ts";

const onnx: OnnxImport = {
  type: "Relu",
  attributes: {},
  translate(node: ImportNode) {
    return [{ op: "Clip", inputs: node.inputs, outputs: node.outputs, attributes: { low: 0, high: Infinity } }];
  },
};

export const relu = { onnx };
