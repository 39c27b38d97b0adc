import { checkGraph } from "./check.ts";
import type { Graph, Node, Value } from "./graph.ts";

/**
 * A change of a graph that a pass proposes: nodes to take out and to put in, values to add, and readers (graph outputs
 * included) to move from one value to another.
 */
export interface Patch {
  readonly remove?: readonly Node[];
  readonly add?: readonly Node[];
  readonly values?: readonly Value[];
  /** Readers of the key read the value instead. */
  readonly redirect?: ReadonlyMap<string, string>;
}

/**
 * The graph after `patch`, added nodes in the place of the last one removed, in a legal order, without the nodes and
 * constants that nothing reads any more. A redirected graph output keeps its public name: the value that replaces it
 * takes the name over.
 */
export function applyPatch(graph: Graph, patch: Patch): Graph {
  const removed = new Set(patch.remove);
  const redirect = (name: string): string => {
    let target = name;
    while (patch.redirect?.has(target)) target = patch.redirect.get(target)!;
    return target;
  };
  const values = new Map(graph.values);
  for (const value of patch.values ?? []) values.set(value.name, value);
  const place = graph.nodes.findLastIndex((node) => removed.has(node)) + 1;
  const kept = (list: readonly Node[]): Node[] => list.filter((node) => !removed.has(node));
  const spliced = [...kept(graph.nodes.slice(0, place)), ...patch.add ?? [], ...kept(graph.nodes.slice(place))];
  let nodes = spliced.map((node) =>
    node.inputs.some((name) => redirect(name) !== name) ? { ...node, inputs: node.inputs.map(redirect) } : node
  );
  const renames = new Map<string, string>();
  for (const output of graph.outputs) {
    const target = redirect(output);
    if (target !== output && !graph.inputs.includes(target)) renames.set(target, output);
  }
  if (renames.size > 0) {
    const rename = (name: string): string => renames.get(name) ?? name;
    nodes = nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }));
    for (const [from, to] of renames) {
      values.set(to, { ...values.get(from)!, name: to });
      values.delete(from);
    }
  }
  const result = prune({ ...graph, nodes: sortTopologically(nodes), values });
  checkGraph(result);
  return result;
}

/** Without nodes and values from which no graph output can be reached. Graph inputs stay. */
export function prune(graph: Graph): Graph {
  const needed = new Set([...graph.inputs, ...graph.outputs]);
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const name of [...node.inputs, ...node.outputs]) needed.add(name);
  }
  const values = new Map([...graph.values].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), values };
}

/** Stable: a node keeps its place unless an input of it is produced later. */
function sortTopologically(nodes: readonly Node[]): Node[] {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  function visit(node: Node): void {
    if (state.get(node) === "done") return;
    if (state.get(node) === "open") throw new Error(`the graph has a cycle through node ${node.name}`);
    state.set(node, "open");
    for (const input of node.inputs) {
      const before = producer.get(input);
      if (before) visit(before);
    }
    state.set(node, "done");
    sorted.push(node);
  }
  nodes.forEach(visit);
  return sorted;
}
