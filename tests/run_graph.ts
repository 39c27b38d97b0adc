import type { Graph } from "../lib/ir/graph.ts";
import { operatorOf } from "../lib/ops/mod.ts";
import { type FloatTensor, type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../lib/tensor/tensor.ts";

/** Runs a graph on one image (ONNX order) by the operators' own definitions and returns its first output. */
export function runGraph(graph: Graph, image: Float32Array): Float32Array {
  const results = new Map<string, Tensor>();
  const input = graph.values.get(graph.inputs[0])!;
  results.set(input.name, tensor("f32", input.shape, toActivationOrder(tensor("f32", input.shape, image))));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) =>
      name === "" ? undefined : results.get(name) ?? graph.values.get(name)!.constant
    );
    const outputs = operatorOf(node.op).forward(node, inputs, node.outputs.map((name) => graph.values.get(name)!));
    outputs.forEach((output, i) => results.set(node.outputs[i], output));
  }
  return toLogicalOrder(results.get(graph.outputs[0]) as FloatTensor);
}
