import type { Node, Value, ValueType } from "../ir/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sameBatchAxis } from "./batch_axis.ts";
import { withData } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, OnnxImport, Operator } from "./operator.ts";

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

const derivatives: Derivatives<Node["attributes"]> = {
  tangent: (_node, { inputs: [x] }, [dx]) => [withData(x!, dx).data.slice()],
  gradient: (_node, _point, [g], [wanted]) => [wanted ? g.slice() : undefined],
};

/** Its input under another name; a pass removes it. */
const operator: Operator = {
  name: "Identity",
  infer,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [{ attributes: {}, inputs: [[1, 3]] }],
  batchAxes: sameBatchAxis,
};

export const identity = { onnx, operator };
