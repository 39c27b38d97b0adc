import type { Graph, Node } from "../ir/graph.ts";
import { producersOf, readersOf } from "../ir/graph.ts";
import type { ClampBounds } from "./clamp_bounds.ts";
import { operatorOf } from "./mod.ts";

/**
 * Values that stay int32 accumulators in an integer network: results of a layer that nothing clamps and that one addition
 * or recurrence reads once are added at full width.
 */
export function accumulatorValues(graph: Graph): Set<string> {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const isAccumulator = (value: string, reader: Node): boolean => {
    const producer = producers.get(value);
    if (producer === undefined || operatorOf(producer.op).quantization !== "weighted") return false;
    const { low, high } = producer.attributes as Partial<ClampBounds>;
    const once = readers.get(value)!.length === 1 && reader.inputs.filter((name) => name === value).length === 1;
    return low === -Infinity && high === Infinity && once && !graph.outputs.includes(value);
  };
  return new Set(graph.nodes.flatMap((node) => {
    const { quantization } = operatorOf(node.op);
    const summands = quantization === "summing" ? node.inputs : quantization === "recurrent" ? [node.inputs[0]] : [];
    return summands.filter((value) => isAccumulator(value, node));
  }));
}

/**
 * Values that an integer network holds at the plain width (8 bits), whatever the bits of its layers: those that some
 * sum or pool reads, unless they stay accumulators; integers are none. What only layers or only concatenations read has their width.
 */
export function plainValues(graph: Graph): string[] {
  const accumulators = accumulatorValues(graph);
  return Array.from(readersOf(graph), ([value, readers]) => ({ value, readers })).flatMap(({ value, readers }) => {
    const { constant, dtype } = graph.values.get(value)!;
    const isPlain = readers.some(({ op }) =>
      !["weighted", "recurrent", "joining"].includes(operatorOf(op).quantization)
    );
    return isPlain && dtype === "f32" && !accumulators.has(value) && !constant ? [value] : [];
  });
}
