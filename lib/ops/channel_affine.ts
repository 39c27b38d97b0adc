import type { Node, Value, ValueType } from "../ir/graph.ts";
import { clamp } from "../arith/round.ts";
import { type FloatTensor, type Tensor, tensor } from "../tensor/tensor.ts";
import { sameBatchAxis } from "./batch_axis.ts";
import { channelAxis, channelSums, scaledChannels } from "./channel_axis.ts";
import { betweenBounds, type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { floatConstant, requireFloat } from "./float_operands.ts";
import { withData } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, NodeDraft, Operator } from "./operator.ts";
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
  const data = scaledChannels((x as FloatTensor).data, channelAxis(output.shape, axis), wide(scale), wide(shift));
  if (low !== -Infinity || high !== Infinity) {
    for (let i = 0; i < data.length; i++) data[i] = clamp(data[i], low, high);
  }
  return [tensor("f32", output.shape, data)];
}

/** The content of a constant of this operator. */
function wide(constant: Tensor | undefined): Float64Array {
  return constant!.data as Float64Array;
}

/** Bilinear in X and scale, linear in shift, between the bounds. */
const derivatives: Derivatives<ChannelAffineAttributes> = {
  tangent(node, { inputs: [x, scale], outputs: [y] }, [dx, dscale, dshift]) {
    const axis = channelAxis(y.shape, node.attributes.axis);
    const tangent = scaledChannels(withData(x!, dx).data, axis, wide(scale), dshift);
    if (dscale) {
      const more = scaledChannels((x as FloatTensor).data, axis, dscale);
      for (let i = 0; i < tangent.length; i++) tangent[i] += more[i];
    }
    return [betweenBounds(tangent, y, node.attributes)];
  },
  gradient(node, { inputs: [x, scale], outputs: [y] }, [gradient], wanted) {
    const axis = channelAxis(y.shape, node.attributes.axis);
    const g = betweenBounds(gradient, y, node.attributes);
    return [
      wanted[0] ? scaledChannels(g, axis, wide(scale)) : undefined,
      wanted[1] ? new Float32Array(channelSums(g, axis, (x as FloatTensor).data)) : undefined,
      wanted[2] ? new Float32Array(channelSums(g, axis)) : undefined,
    ];
  },
  curvature(node, { outputs: [y] }, [dx, dscale], [gradient], wanted) {
    const axis = channelAxis(y.shape, node.attributes.axis);
    const g = betweenBounds(gradient, y, node.attributes);
    return [
      wanted[0] && dscale ? scaledChannels(g, axis, dscale) : undefined,
      wanted[1] && dx ? new Float32Array(channelSums(g, axis, dx)) : undefined,
      undefined,
    ];
  },
};

const operator: Operator<ChannelAffineAttributes> = {
  name: "ChannelAffine",
  infer,
  forward,
  derivatives,
  quantization: "rescaling",
  constants: "f64",
  samples: [
    { attributes: { axis: 1, low: 0, high: Infinity }, inputs: [[1, 3, 2, 2], [3], [3]] },
    { attributes: { axis: 2, ...UNBOUNDED }, inputs: [[1, 2, 4], [4], [4]] },
  ],
  batchAxes: sameBatchAxis,
};

export const channel_affine = { operator };
