import type { Node, Value, ValueType } from "../ir/graph.ts";
import { activationStrides, normalizeAxis, sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { requireFloat } from "./float_operands.ts";
import type { ImportNode, NodeDraft, OnnxImport, Operator } from "./operator.ts";

/**
 * exp(x) / sum exp(x), or its logarithm, over the axes from `axis` to `lastAxis` together (one axis from opset 13 on; to
 * opset 12 all axes from `axis` on). The integer network ends before it: argmax and top-k need no Softmax.
 */
export interface SoftmaxAttributes {
  readonly axis: number;
  readonly lastAxis: number;
}

/** Softmax and LogSoftmax: before opset 13 over all axes from `axis` on, since then over that axis alone. */
export function translateSoftmax(op: string): (node: ImportNode) => NodeDraft[] {
  return (node) => {
    const { shape } = node.input(0)!;
    const rank = shape.length;
    const axis = (node.attributes.axis as number | undefined) ?? (node.opset < 13 ? 1 : -1);
    if (axis < -rank || axis >= rank) node.fail(`axis ${axis} is outside an input of rank ${rank}`);
    const first = normalizeAxis(axis, rank);
    // One image has extent 1 there; only a batch can have more, and its images must not be normalized together.
    if (first === 0 && rank > 1 && shape[0] !== 1) node.fail(`normalizes over axis 0, across images of [${shape}]`);
    const attributes: SoftmaxAttributes = { axis: first, lastAxis: node.opset < 13 ? rank - 1 : first };
    return [{ op, inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  };
}

const onnx: OnnxImport = {
  type: "Softmax",
  attributes: { axis: { type: "int" } },
  translate: translateSoftmax("Softmax"),
};

function infer(node: Node<SoftmaxAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x]);
  return [{ dtype: x!.dtype, shape: x!.shape }];
}

/** Writes log(sum exp) stable results: `finish(x - max, log of the sum)` for every element. */
export function forwardSoftmax(
  finish: (shifted: number, logSum: number) => number,
): Operator<SoftmaxAttributes>["forward"] {
  return (node, [x], [output]) => {
    const { axis, lastAxis } = node.attributes;
    const { shape } = output;
    const strides = activationStrides(shape);
    const input = (x as FloatTensor).data;
    const result = zeros("f32", shape);
    const groupOf = (offset: number): number => {
      let group = 0;
      for (let a = 0; a < shape.length; a++) {
        if (a < axis || a > lastAxis) group = group * shape[a] + Math.floor(offset / strides[a]) % shape[a];
      }
      return group;
    };
    const groups = sizeOf(shape) / sizeOf(shape.slice(axis, lastAxis + 1));
    const peak = new Float64Array(groups).fill(-Infinity);
    const sum = new Float64Array(groups);
    for (let i = 0; i < input.length; i++) peak[groupOf(i)] = Math.max(peak[groupOf(i)], input[i]);
    for (let i = 0; i < input.length; i++) sum[groupOf(i)] += Math.exp(input[i] - peak[groupOf(i)]);
    for (let i = 0; i < input.length; i++) {
      result.data[i] = finish(input[i] - peak[groupOf(i)], Math.log(sum[groupOf(i)]));
    }
    return [result] as Tensor[];
  };
}

const operator: Operator<SoftmaxAttributes> = {
  name: "Softmax",
  infer,
  forward: forwardSoftmax((shifted, logSum) => Math.exp(shifted - logSum)),
  quantization: "final",
  samples: [
    { attributes: { axis: 1, lastAxis: 1 }, inputs: [[1, 7]] },
    { attributes: { axis: 1, lastAxis: 3 }, inputs: [[1, 3, 2, 2]] },
  ],
};

export const softmax = { onnx, operator };
