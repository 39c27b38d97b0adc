import type { Node, Value, ValueType } from "../ir/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ImportNode, OnnxImport, Operator } from "./operator.ts";

const onnx: OnnxImport = {
  type: "Identity",
  attributes: {},
  translate(node: ImportNode) {
    return [{ op: "Identity", inputs: node.inputs, outputs: node.outputs, attributes: {} }];
  },
};

function infer(_node: Node, [x]: readonly (Value | undefined)[]): ValueType[] {
  return [{ dtype: x!.dtype, shape: x!.shape }];
}

function forward(_node: Node, [x]: readonly (Tensor | undefined)[]): Tensor[] {
  return [x!];
}

/** Its input under another name; a pass removes it. */
const operator: Operator = {
  name: "Identity",
  infer,
  forward,
  quantization: "sharing",
  samples: [{ attributes: {}, inputs: [[1, 3]] }],
};

export const identity = { onnx, operator };
