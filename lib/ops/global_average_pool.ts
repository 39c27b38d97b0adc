import { globalPool } from "./average_pool.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

const onnx: OnnxImport = {
  type: "GlobalAveragePool",
  attributes: {},
  translate(node: ImportNode) {
    const { shape } = node.input(0)!;
    if (shape.length !== 4) node.fail(`found an input of rank ${shape.length}, expected N, C, H, W`);
    const attributes = { ...globalPool(shape[2], shape[3]) };
    return [{ op: "AveragePool", inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};

export const global_average_pool = { onnx };
