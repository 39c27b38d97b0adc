import { inputError } from "../format/error.ts";
import type { Graph } from "../ir/graph.ts";
import { operatorOf } from "./mod.ts";

/** @throws DyadError (input) naming every node whose operator has no integer form, so that the graph cannot be quantized. */
export function requireIntegerForms(graph: Graph): void {
  const nodes = graph.nodes.filter(({ op }) => operatorOf(op).quantization === "float");
  if (nodes.length === 0) return;
  const listed = nodes.map(({ name, op }) => `node ${name} (${op})`).join(", ");
  throw inputError(
    `the model cannot be quantized yet: ${listed} ${
      nodes.length > 1 ? "have" : "has"
    } no integer form; dyad run runs it in float`,
  );
}
