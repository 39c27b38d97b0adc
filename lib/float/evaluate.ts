import { inputError } from "../format/error.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { operatorOf } from "../ops/mod.ts";
import { sameShape } from "../tensor/shape.ts";
import { type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";

/**
 * The outputs of a graph by name, every operator computed as it is defined: for graphs of any number of inputs and outputs
 * of any dtype, sequence models with their states among them, and as the measure of engines that are faster. Tensors are
 * in ONNX order.
 * @throws DyadError (input) naming the input that is missing, or whose dtype or shape is not that of the graph.
 */
export function evaluateGraph(graph: Graph, inputs: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const results = new Map(graph.inputs.map((name) => [name, inActivationOrder(inputOf(graph, inputs, name))]));
  for (const node of graph.nodes) {
    const operands = node.inputs.map((name) =>
      name === "" ? undefined : results.get(name) ?? valueOf(graph, name).constant
    );
    const outputs = node.outputs.map((name) => valueOf(graph, name));
    operatorOf(node.op).forward(node, operands, outputs).forEach((result, i) => results.set(node.outputs[i], result));
  }
  return new Map(graph.outputs.map((name) => {
    const result = results.get(name)!;
    return [name, tensor(result.dtype, result.shape, toLogicalOrder(result))];
  }));
}

function inActivationOrder(given: Tensor): Tensor {
  return tensor(given.dtype, given.shape, toActivationOrder(given));
}

function inputOf(graph: Graph, inputs: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const { dtype, shape } = valueOf(graph, name);
  const given = inputs.get(name);
  if (given === undefined) throw inputError(`input ${name} is missing; expected ${graph.inputs.join(", ")}`);
  if (given.dtype !== dtype || !sameShape(given.shape, shape)) {
    throw inputError(`input ${name} is ${given.dtype} [${given.shape}], expected ${dtype} [${shape}]`);
  }
  return given;
}
