import { type Graph, type Node, valueOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { identity } from "../ops/identity.ts";
import { nodeOf } from "../ops/node_of.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { sameShape } from "../tensor/shape.ts";
import { firstPatch, type Pass } from "./pass.ts";

function isIdentity(graph: Graph, node: Node): boolean {
  if (nodeOf(identity.operator, node)) return true;
  const keepsPlaces = nodeOf(reshape.operator, node) ?? nodeOf(slice.operator, node);
  return keepsPlaces !== undefined &&
    sameShape(valueOf(graph, node.inputs[0]).shape, valueOf(graph, node.outputs[0]).shape);
}

function rewrite(graph: Graph): Patch | undefined {
  return firstPatch(graph, (node) => {
    if (!isIdentity(graph, node)) return undefined;
    const [input] = node.inputs;
    const [output] = node.outputs;
    // A graph output that is a graph input or another output under a second name has to stay a node.
    if (graph.outputs.includes(output) && (graph.inputs.includes(input) || graph.outputs.includes(input))) {
      return undefined;
    }
    return { remove: [node], redirect: new Map([[output, input]]) };
  });
}

export const remove_identities: Pass = {
  name: "remove-identities",
  description: "nodes that pass their input on unchanged go",
  rewrite,
};
