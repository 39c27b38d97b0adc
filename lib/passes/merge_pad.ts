import { type Graph, producersOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { operatorOf } from "../ops/mod.ts";
import { nodeOf } from "../ops/node_of.ts";
import { pad, type PadAttributes } from "../ops/pad.ts";
import { firstPatch, type Pass } from "./pass.ts";

/** Top, left, bottom and right of a Pad that only widens height and width, undefined for any other. */
function spatialPads({ before, after }: PadAttributes): [number, number, number, number] | undefined {
  const [n, c, top, left] = before;
  const [n1, c1, bottom, right] = after;
  const pads: [number, number, number, number] = [top, left, bottom, right];
  return before.length === 4 && !(n || c || n1 || c1) && Math.min(...pads) >= 0 ? pads : undefined;
}

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  return firstPatch(graph, (node) => {
    const before = nodeOf(pad.operator, producers.get(node.inputs[0]));
    const pads = before && spatialPads(before.attributes);
    const attributes = pads && operatorOf(node.op).absorbPadding?.(node, pads, before.attributes.value);
    if (!attributes) return undefined;
    const inputs = [before.inputs[0], ...node.inputs.slice(1)];
    return { remove: [node], add: [{ ...node, inputs, attributes }] };
  });
}

export const merge_pad: Pass = {
  name: "merge-pad",
  description: "a constant Pad before a convolution or pool becomes its padding where that gives the same result",
  rewrite,
};
