import { inputError } from "../format/error.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { operatorOf } from "./mod.ts";

/** @throws DyadError (input) naming every node whose operator has no integer form, so that the graph cannot be quantized. */
export function requireIntegerForms(graph: Graph): void {
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => name === "" ? undefined : valueOf(graph, name));
    const reason = operatorOf(node.op).withoutIntegers?.(node, inputs);
    if (reason === undefined) continue;
    throw inputError(`node ${node.name} (${node.op}): ${reason} has no integer form; dyad run runs the model in float`);
  }
  const nodes = graph.nodes.filter(({ op }) => operatorOf(op).quantization === "float");
  if (nodes.length === 0) return;
  const listed = nodes.map(({ name, op }) => `node ${name} (${op})`).join(", ");
  throw inputError(
    `the model cannot be quantized yet: ${listed} ${
      nodes.length > 1 ? "have" : "has"
    } no integer form; dyad run runs it in float`,
  );
}
