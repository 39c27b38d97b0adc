import type { Value } from "../ir/graph.ts";
import { allocate } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Tensor, tensor, toActivationOrder } from "../tensor/tensor.ts";

/**
 * Splits one sample, the elements of all inputs of a graph one after the other in ONNX order, into the inputs' places, in
 * activation order. Integers are numbers there, exact below 2^24.
 * @throws RangeError for a sample of another length.
 */
export function loadInputs(
  inputs: readonly { readonly value: Value; readonly data: Float32Array }[],
  sample: Float32Array,
): void {
  const expected = inputs.reduce((sum, { data }) => sum + data.length, 0);
  if (sample.length !== expected) {
    throw new RangeError(`the inputs take ${expected} elements, found ${sample.length}`);
  }
  let next = 0;
  for (const { value: { shape }, data } of inputs) {
    toActivationOrder(tensor("f32", shape, sample.subarray(next, next += sizeOf(shape))), data);
  }
}

/** What lies in a value's place as its operators take it. */
export function tensorOf({ dtype, shape }: Value, data: Float32Array): Tensor {
  if (dtype === "f32") return tensor(dtype, shape, data);
  const integers = allocate(dtype, data.length);
  data.forEach((value, i) => integers[i] = integers instanceof BigInt64Array ? BigInt(value) : value);
  return tensor(dtype, shape, integers);
}

/** Puts an operator's result into its place. */
export function storeResult({ dtype, data }: Tensor, target: Float32Array): void {
  target.set(dtype === "f32" ? data as Float32Array : Array.from(data as ArrayLike<number | bigint>, Number)); // by dtype
}
