import type { Node, Value, ValueType } from "../ir/graph.ts";
import { clamp } from "../arith/round.ts";
import { activationStrides, sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, tensor, zeros } from "../tensor/tensor.ts";
import { type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { floatConstant, requireFloat } from "./float_operands.ts";
import type { ImportNode, NodeDraft, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";

/**
 * Y = scale[c] X + shift[c], c the index on `axis`; scale and shift are constants (float64 [C]). A batch normalization
 * at inference, or the addition of a constant. Passes fold it into the layer before it, or make it a depthwise
 * convolution, so none is left to quantize.
 */
export interface ChannelAffineAttributes extends ClampBounds {
  readonly axis: number;
}

/** A draft that multiplies and shifts the channels on `axis` of input `name`. */
export function channelAffine(
  node: ImportNode,
  name: string,
  axis: number,
  scale: Float64Array,
  shift: Float64Array,
): NodeDraft {
  const inputs = [
    name,
    node.addConstant("scale", tensor("f64", [scale.length], scale)),
    node.addConstant("shift", tensor("f64", [shift.length], shift)),
  ];
  const attributes: ChannelAffineAttributes = { axis, ...UNBOUNDED };
  return { op: "ChannelAffine", inputs, outputs: node.outputs, attributes: { ...attributes } };
}

/** The addition of constant input `constantIndex` to input `index`: one value, or one per index of a single axis. */
export function constantSummand(node: ImportNode, index: number, constantIndex: number): NodeDraft {
  const { shape } = node.input(index)!;
  const constant = floatConstant(node, constantIndex, "summand");
  const aligned = [...new Array<number>(Math.max(shape.length - constant.shape.length, 0)).fill(1), ...constant.shape];
  const varying = aligned.flatMap((extent, axis) => extent === 1 ? [] : [axis]);
  const axis = varying[0] ?? Math.min(1, shape.length - 1);
  if (
    varying.length > 1 || aligned.length !== shape.length || (varying.length === 1 && aligned[axis] !== shape[axis])
  ) {
    node.fail(
      `adds a constant of shape [${constant.shape}] to [${shape}], expected a single value or one per channel`,
    );
  }
  const channels = shape[axis] ?? 1;
  const shift = Float64Array.from({ length: channels }, (_, c) => constant.data[varying.length === 0 ? 0 : c]);
  return channelAffine(node, node.inputs[index], axis, new Float64Array(channels).fill(1), shift);
}

function infer(node: Node<ChannelAffineAttributes>, [x, scale]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x]);
  const { axis } = node.attributes;
  if ((x!.shape[axis] ?? 1) !== scale!.shape[0]) {
    throw nodeError(node, `${scale!.shape[0]} channels do not fit axis ${axis} of the input [${x!.shape}]`);
  }
  return [{ dtype: x!.dtype, shape: x!.shape }];
}

function forward(
  node: Node<ChannelAffineAttributes>,
  [x, scale, shift]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { axis, low, high } = node.attributes;
  const result = zeros("f32", output.shape);
  const input = (x as FloatTensor).data;
  const stride = activationStrides(output.shape)[axis] ?? 1;
  const channels = output.shape[axis] ?? 1;
  const size = sizeOf(output.shape);
  for (let i = 0; i < size; i++) {
    const c = Math.floor(i / stride) % channels;
    result.data[i] = clamp(input[i] * Number(scale!.data[c]) + Number(shift!.data[c]), low, high);
  }
  return [result];
}

const operator: Operator<ChannelAffineAttributes> = {
  name: "ChannelAffine",
  infer,
  forward,
  quantization: "rescaling",
  samples: [
    { attributes: { axis: 1, low: 0, high: Infinity }, inputs: [[1, 3, 2, 2], [3], [3]] },
    { attributes: { axis: 2, ...UNBOUNDED }, inputs: [[1, 2, 4], [4], [4]] },
  ],
};

export const channel_affine = { operator };
