import { UNBOUNDED } from "./clamp_bounds.ts";
import { matrixConstant, transposed } from "./gemm.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/** A matrix product with a constant right operand [K, O] is a Gemm without bias. */
const onnx: OnnxImport = {
  type: "MatMul",
  attributes: {},
  translate(node: ImportNode) {
    const weight = node.addConstant("weight", transposed(matrixConstant(node, 1)));
    return [{ op: "Gemm", inputs: [node.inputs[0], weight], outputs: node.outputs, attributes: { ...UNBOUNDED } }];
  },
};

export const matmul = { onnx };
