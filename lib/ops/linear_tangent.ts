import type { Node, Value } from "../ir/graph.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";
import type { Derivatives, Operator, Point } from "./operator.ts";

/** The outputs of a node at a point as `forward` is told of them. */
export function outputValues(node: Node<unknown>, { outputs }: Point): Value[] {
  return outputs.map(({ dtype, shape }, i) => ({ name: node.outputs[i], dtype, shape }));
}

/** The tensor with other elements, float32; zeros where there are none. */
export function withData({ shape, data }: Tensor, elements: Float32Array | undefined): FloatTensor {
  return { dtype: "f32", shape, data: elements ?? new Float32Array(data.length) };
}

/** The tangent of an operator that is linear in all of its inputs: `forward` of their tangents. */
export function linearTangent<A>(forward: Operator<A>["forward"]): Derivatives<A>["tangent"] {
  return (node, point, tangents) => {
    const inputs = point.inputs.map((input, i) => input && withData(input, tangents[i]));
    return forward(node, inputs, outputValues(node, point)).map((result) => (result as FloatTensor).data);
  };
}
