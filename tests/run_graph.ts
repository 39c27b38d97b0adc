import { evaluateGraph } from "../lib/float/evaluate.ts";
import { type Graph, valueOf } from "../lib/ir/graph.ts";
import { type FloatTensor, tensor } from "../lib/tensor/tensor.ts";

/** Runs a graph on one image (ONNX order) by the operators' own definitions and returns its first output. */
export function runGraph(graph: Graph, image: Float32Array): Float32Array {
  const [name] = graph.inputs;
  const outputs = evaluateGraph(graph, new Map([[name, tensor("f32", valueOf(graph, name).shape, image)]]));
  return (outputs.get(graph.outputs[0]) as FloatTensor).data;
}
