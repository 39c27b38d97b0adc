import type { Graph } from "./graph.ts";

/**
 * Throws unless the graph is legal: every name in use is a value of the graph, every value has one origin (graph input,
 * constant or one node), nodes stand after what they read, and node names are unique. A failure is a defect of the pass
 * that made the graph, not of the user's model.
 */
export function checkGraph(graph: Graph): void {
  const fail = (what: string): never => {
    throw new Error(`illegal graph ${graph.name}: ${what}`);
  };
  const defined = new Set<string>(graph.inputs);
  for (const [name, value] of graph.values) {
    if (value.name !== name) fail(`value ${name} calls itself ${value.name}`);
    if (value.constant === undefined) continue;
    if (defined.has(name)) fail(`graph input ${name} is also a constant`);
    defined.add(name);
  }
  const names = new Set<string>();
  for (const node of graph.nodes) {
    if (names.has(node.name)) fail(`two nodes are named ${node.name}`);
    names.add(node.name);
    for (const input of node.inputs) {
      if (input !== "" && !defined.has(input)) fail(`node ${node.name} reads ${input} before anything defines it`);
    }
    for (const output of node.outputs) {
      if (!graph.values.has(output)) fail(`node ${node.name} writes ${output}, which has no type`);
      if (defined.has(output)) fail(`${output} is defined twice, the second time by node ${node.name}`);
      defined.add(output);
    }
  }
  for (const name of [...graph.inputs, ...graph.outputs]) {
    if (!graph.values.has(name)) fail(`graph input or output ${name} has no type`);
  }
  for (const output of graph.outputs) {
    if (!defined.has(output)) fail(`nothing computes the graph output ${output}`);
  }
}
