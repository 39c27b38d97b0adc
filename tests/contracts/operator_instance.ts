import type { Node, Value } from "../../lib/ir/graph.ts";
import { ENTRIES } from "../../lib/ops/mod.ts";
import type { Operator, OperatorSample } from "../../lib/ops/operator.ts";
import type { Random } from "../../lib/tensor/random.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { type Tensor, tensor } from "../../lib/tensor/tensor.ts";

/** Every sample of every operator of the list. */
export const SAMPLES = ENTRIES.flatMap(({ operator }) =>
  operator ? operator.samples.map((sample, i) => ({ operator, sample, title: `${operator.name} sample ${i}` })) : []
);

/** Everything one sample needs: a node, values with constants, and a tensor of normal numbers for each input. */
export interface Instance {
  readonly node: Node;
  readonly values: readonly Value[];
  readonly tensors: readonly Tensor[];
  readonly outputs: readonly Value[];
}

export function instantiate(operator: Operator, sample: OperatorSample, random: Random): Instance {
  const tensors = sample.inputs.map((shape, i): Tensor => {
    const integers = sample.integers?.[i];
    if (integers) return integers;
    const normal = Array.from({ length: sizeOf(shape) }, () => random.normal());
    const data = sample.positive?.includes(i) ? normal.map((v) => 0.5 + v * v) : normal;
    const isWide = operator.constants === "f64" && i > 0;
    return isWide ? tensor("f64", shape, Float64Array.from(data)) : tensor("f32", shape, Float32Array.from(data));
  });
  const values = tensors.map((content, i): Value => {
    const constant = operator.constants !== undefined && i > 0 ? content : undefined;
    return { name: `input${i}`, dtype: content.dtype, shape: content.shape, constant };
  });
  const inputs = values.map(({ name }) => name);
  const unnamed = { name: "sample", op: operator.name, inputs, outputs: [], attributes: sample.attributes };
  const outputs = operator.infer(unnamed, values).map((type, i): Value => ({ ...type, name: `output${i}` }));
  const node: Node = { ...unnamed, outputs: outputs.map(({ name }) => name) };
  return { node, values, tensors, outputs };
}
