import { clamp } from "../arith/round.ts";
import { type Graph, producersOf, readersOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import type { ClampBounds } from "../ops/clamp_bounds.ts";
import { clip } from "../ops/clip.ts";
import { nodeOf } from "../ops/node_of.ts";
import { firstPatch, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  return firstPatch(graph, (node) => {
    const outer = nodeOf(clip.operator, node);
    if (outer === undefined) return undefined;
    const [input] = node.inputs;
    const before = producers.get(input);
    if (before === undefined || readers.get(input)!.length > 1 || graph.outputs.includes(input)) return undefined;
    const inner = before.attributes as Partial<ClampBounds>;
    if (inner.low === undefined || inner.high === undefined) return undefined; // it cannot clamp by itself
    const { low, high } = outer.attributes;
    const bounds: ClampBounds = { low: clamp(inner.low, low, high), high: clamp(inner.high, low, high) };
    const attributes = { ...before.attributes, ...bounds };
    return { remove: [before, node], add: [{ ...before, outputs: node.outputs, attributes }] };
  });
}

export const fuse_activation: Pass = {
  name: "fuse-activation",
  description: "Relu and Clip become bounds of the layer or sum before them",
  rewrite,
};
