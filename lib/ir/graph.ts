import type { DType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Attributes of a node, already parsed and completed with defaults by its operator. */
export type Attributes = Readonly<Record<string, unknown>>;

/** What is known of a value before anything runs: for one image, so the batch axis, if there is one, has extent 1. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface Value extends ValueType {
  readonly name: string;
  /** Known content, in ONNX order (row-major): weights, shapes, scalars. */
  readonly constant?: Tensor;
}

/** One operation. Inputs and outputs are names of values; "" stands for an optional input that is absent. */
export interface Node<A = Attributes> {
  readonly name: string;
  /** Name of an operator in lib/ops. */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: A;
}

/**
 * A network as data flow: every value is an input, a constant, or the output of exactly one node, and nodes stand in an
 * order in which inputs precede their readers. Graphs are never changed in place; passes return patches.
 */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly values: ReadonlyMap<string, Value>;
}

/** @throws Error for a name that the graph does not have, a defect of the caller. */
export function valueOf(graph: Graph, name: string): Value {
  const value = graph.values.get(name);
  if (value === undefined) throw new Error(`graph ${graph.name} has no value ${JSON.stringify(name)}`);
  return value;
}

/** The constant content of a node's input, or undefined where the input is absent or computed. */
export function constantInput(graph: Graph, node: Node, index: number): Tensor | undefined {
  const name = node.inputs[index];
  return name ? valueOf(graph, name).constant : undefined;
}

/** For every value, the nodes that read it, in graph order, each once. */
export function readersOf(graph: Graph): Map<string, Node[]> {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const list = readers.get(input);
      if (list) list.push(node);
      else readers.set(input, [node]);
    }
  }
  return readers;
}

/** For every value that a node computes, that node. */
export function producersOf(graph: Graph): Map<string, Node> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}
