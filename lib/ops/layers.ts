import { constantInput, type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import { operatorOf } from "./mod.ts";

/** A node with weights: what gets bits of its own. */
export interface Layer {
  /** The node's name, as it was in the ONNX file. */
  readonly name: string;
  readonly node: Node;
  /** The value that is quantized at the layer's activation bits: what the weight is multiplied with. */
  readonly input: string;
  readonly weight: FloatTensor;
  readonly weightName: string;
  readonly bias?: FloatTensor;
  /** Weights, biases not counted. */
  readonly parameters: number;
  /** Multiply-accumulate operations per image. */
  readonly macs: number;
}

/** The layers of a canonical graph, in order. */
export function layersOf(graph: Graph): Layer[] {
  return graph.nodes.flatMap((node) => {
    const operator = operatorOf(node.op);
    const isRecurrent = operator.quantization === "recurrent";
    if (operator.quantization !== "weighted" && !isRecurrent) return [];
    const inputs = node.inputs.map((name): Value | undefined => name === "" ? undefined : valueOf(graph, name));
    const cost = operator.cost!(node, inputs, valueOf(graph, node.outputs[0]));
    return [{
      name: node.name,
      node,
      input: isRecurrent ? node.outputs[0] : node.inputs[0],
      weight: constantInput(graph, node, 1) as FloatTensor,
      weightName: node.inputs[1],
      bias: constantInput(graph, node, 2) as FloatTensor | undefined,
      ...cost,
    }];
  });
}
