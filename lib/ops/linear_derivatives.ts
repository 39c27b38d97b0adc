import type { Node, Value } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
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

/**
 * Derivatives of an operator that only moves the elements of its input: the gradient moves them back, by the same operator
 * with the attributes that `inverse` gives for the shape of the input.
 */
export function movingDerivatives<A>(
  forward: Operator<A>["forward"],
  inverse: (attributes: A, input: Shape) => A,
): Derivatives<A> {
  return {
    tangent: linearTangent(forward),
    gradient(node, { inputs: [x], outputs: [y] }, [g], [wanted]) {
      if (!wanted) return [undefined];
      const back = { ...node, attributes: inverse(node.attributes, x!.shape) };
      const target: Value = { name: node.inputs[0], dtype: "f32", shape: x!.shape };
      return [(forward(back, [withData(y, g)], [target])[0] as FloatTensor).data];
    },
  };
}
