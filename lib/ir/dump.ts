import { formatShape } from "../tensor/shape.ts";
import type { Graph, Value } from "./graph.ts";

/** The graph as text, one node a line, for golden tests and for people. */
export function dumpGraph(graph: Graph): string {
  const lines = [`graph ${graph.name}`];
  for (const name of graph.inputs) lines.push(`  input ${describe(graph.values.get(name)!)}`);
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((name) => describe(graph.values.get(name)!)).join(", ");
    const inputs = node.inputs.map((name) => {
      if (name === "") return "-";
      const value = graph.values.get(name)!;
      return value.constant ? `const ${describe(value)}` : name;
    }).join(", ");
    lines.push(`  ${outputs} = ${node.op}(${inputs})${describeAttributes(node.attributes)}  # ${node.name}`);
  }
  lines.push(`  output ${graph.outputs.join(", ")}`);
  return lines.join("\n") + "\n";
}

function describe(value: Value): string {
  return `${value.name}:${value.dtype}[${formatShape(value.shape)}]`;
}

function describeAttributes(attributes: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return "";
  return ` {${entries.map(([key, value]) => `${key}=${formatAttribute(value)}`).join(", ")}}`;
}

function formatAttribute(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatAttribute).join(" ")}]`;
  if (typeof value === "object" && value !== null) {
    return `(${Object.entries(value).map(([key, v]) => `${key}=${formatAttribute(v)}`).join(" ")})`;
  }
  return String(value);
}
