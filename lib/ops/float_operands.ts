import type { Node, Value } from "../ir/graph.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { ImportNode } from "./operator.ts";
import { nodeError } from "./operator_error.ts";

/** Throws unless every operand that is there holds float32, the only numbers that `forward` computes with. */
export function requireFloat(node: Node<unknown>, operands: readonly (Value | undefined)[]): void {
  for (const operand of operands) {
    if (operand === undefined || operand.dtype === "f32") continue;
    throw nodeError(node, `${operand.name} holds ${operand.dtype}, expected float32`);
  }
}

/** Constant content of input `index`. @throws DyadError naming the node when it is computed, absent or not float32. */
export function floatConstant(node: ImportNode, index: number, what: string): FloatTensor {
  const constant = node.constant(index, what);
  if (constant.dtype !== "f32") node.fail(`input ${index} (${what}) holds ${constant.dtype}, expected float32`);
  return constant as FloatTensor;
}
