import type { Graph } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";

/**
 * One rewrite of the float graph that keeps its results. `rewrite` returns the next change it would make, or undefined
 * when the graph has nothing left for it; it never changes the graph it is given.
 */
export interface Pass {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly description: string;
  rewrite(graph: Graph): Patch | undefined;
}

/** The first patch that `propose` makes for a node, in graph order. */
export function firstPatch(
  graph: Graph,
  propose: (node: Graph["nodes"][number]) => Patch | undefined,
): Patch | undefined {
  for (const node of graph.nodes) {
    const patch = propose(node);
    if (patch !== undefined) return patch;
  }
  return undefined;
}

/** `base`, or `base` with the first number that makes it a name the graph does not use yet. */
export function freshName(graph: Graph, base: string): string {
  let name = base;
  for (let i = 2; graph.values.has(name); i++) name = `${base}.${i}`;
  return name;
}
