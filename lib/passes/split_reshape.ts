import { type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { nodeOf } from "../ops/node_of.ts";
import { isRowMajor, reshape } from "../ops/reshape.ts";
import { sizeOf } from "../tensor/shape.ts";
import { firstPatch, freshName, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  return firstPatch(graph, (node) => {
    if (!nodeOf(reshape.operator, node)) return undefined;
    const { dtype, shape } = valueOf(graph, node.inputs[0]);
    if (isRowMajor(shape) || isRowMajor(valueOf(graph, node.outputs[0]).shape)) return undefined;
    const flat = [1, sizeOf(shape)];
    const vector: Value = { name: freshName(graph, `${node.outputs[0]}.vector`), dtype, shape: flat };
    const first: Node = {
      ...node,
      name: `${node.name}.to_vector`,
      outputs: [vector.name],
      attributes: { shape: flat },
    };
    return { remove: [node], add: [first, { ...node, inputs: [vector.name] }], values: [vector] };
  });
}

export const split_reshape: Pass = {
  name: "split-reshape",
  description: "a Reshape of an image to another one goes by a vector, so that one side of each copy is in ONNX order",
  rewrite,
};
