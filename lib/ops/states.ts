import { type Graph, producersOf } from "../ir/graph.ts";
import { operatorOf } from "./mod.ts";

const RESHAPE = "Reshape";

/** A state of a sequence model: an input of the graph, and the output that is the same state after all steps. */
export interface GraphState {
  readonly input: string;
  readonly output: string;
  /** The node that goes on with it, and the place of the state among its inputs. */
  readonly node: string;
  readonly place: number;
}

/**
 * The states that a graph takes and gives back: of its nodes' states those that are its own inputs and outputs, other shapes
 * of the same elements included.
 */
export function statesOf(graph: Graph): GraphState[] {
  const producers = producersOf(graph);
  const origin = (name: string): string => {
    const producer = producers.get(name);
    return producer?.op === RESHAPE ? origin(producer.inputs[0]) : name;
  };
  return graph.nodes.flatMap((node) =>
    (operatorOf(node.op).states ?? []).flatMap((state) => {
      const input = origin(node.inputs[state.input] ?? "");
      const output = graph.outputs.find((name) => origin(name) === node.outputs[state.output]);
      return graph.inputs.includes(input) && output !== undefined
        ? [{ input, output, node: node.name, place: state.input }]
        : [];
    })
  );
}

/** The inputs and outputs that are no states. */
export function openEndsOf(graph: Graph): Pick<Graph, "inputs" | "outputs"> {
  const states = statesOf(graph);
  return {
    inputs: graph.inputs.filter((name) => states.every(({ input }) => input !== name)),
    outputs: graph.outputs.filter((name) => states.every(({ output }) => output !== name)),
  };
}
