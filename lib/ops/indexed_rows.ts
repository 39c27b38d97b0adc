import { type Graph, valueOf } from "../ir/graph.ts";

/** How many rows there are for the indices of an input to choose from: of several tables the fewest; Infinity for none. */
export function indexedRows(graph: Graph, input: string): number {
  const tables = graph.nodes.filter(({ op, inputs }) => op === "Gather" && inputs[1] === input);
  return tables.reduce((least, { inputs: [table] }) => Math.min(least, valueOf(graph, table).shape[0]), Infinity);
}
