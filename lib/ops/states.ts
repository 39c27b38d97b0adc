import type { Graph } from "../ir/graph.ts";
import { operatorOf } from "./mod.ts";

/** A state of a sequence model: an input of the graph, and the output that is the same state after all steps. */
export interface GraphState {
  readonly input: string;
  readonly output: string;
}

/** The states that a graph takes and gives back: of its nodes' states those that are its own inputs and outputs. */
export function statesOf({ inputs, outputs, nodes }: Graph): GraphState[] {
  return nodes.flatMap((node) =>
    (operatorOf(node.op).states ?? []).flatMap((state) => {
      const [input, output] = [node.inputs[state.input] ?? "", node.outputs[state.output] ?? ""];
      return inputs.includes(input) && outputs.includes(output) ? [{ input, output }] : [];
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
