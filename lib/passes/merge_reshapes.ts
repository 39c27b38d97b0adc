import { type Graph, producersOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { nodeOf } from "../ops/node_of.ts";
import { reshape } from "../ops/reshape.ts";
import { firstPatch, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  return firstPatch(graph, (node) => {
    const before = nodeOf(reshape.operator, node) && nodeOf(reshape.operator, producers.get(node.inputs[0]));
    if (before === undefined) return undefined;
    return { remove: [node], add: [{ ...node, inputs: before.inputs }] };
  });
}

export const merge_reshapes: Pass = {
  name: "merge-reshapes",
  description: "a Reshape of a Reshape reads the first one's input",
  rewrite,
};
