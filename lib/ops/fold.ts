import type { Node, Value, ValueType } from "../ir/graph.ts";
import { type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";
import type { Operator } from "./operator.ts";

/** Elements of a constant that import may compute; far above any weight, far below what exhausts memory. */
export const MAX_CONSTANT_ELEMENTS = 2 ** 28;

/** The constant results (in ONNX order) of a node whose inputs are all constant. */
export function foldConstant(
  operator: Operator,
  node: Node,
  inputs: readonly (Value | undefined)[],
  types: readonly ValueType[],
): Tensor[] {
  const tensors = inputs.map((value) => value && tensor(value.dtype, value.shape, toActivationOrder(value.constant!)));
  const outputs = types.map((type, i) => ({ ...type, name: node.outputs[i] }));
  return operator.forward(node, tensors, outputs).map((result) =>
    tensor(result.dtype, result.shape, toLogicalOrder(result))
  );
}
