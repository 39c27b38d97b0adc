import { type Graph, producersOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { firstPatch, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  return firstPatch(graph, (node) => {
    const before = node.op === "Reshape" ? producers.get(node.inputs[0]) : undefined;
    if (before?.op !== "Reshape") return undefined;
    return { remove: [node], add: [{ ...node, inputs: before.inputs }] };
  });
}

export const merge_reshapes: Pass = {
  name: "merge-reshapes",
  description: "a Reshape of a Reshape reads the first one's input",
  rewrite,
};
