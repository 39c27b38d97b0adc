import { dyadicsWithCommonShift } from "../arith/dyadic.ts";
import type { FloatSumProblem, SumProblem } from "../arith/problem.ts";
import { clamp } from "../arith/round.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { sameShape, sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { sameBatchAxis } from "./batch_axis.ts";
import { constantSummand } from "./channel_affine.ts";
import { innermostExtent } from "./channel_axis.ts";
import { betweenBounds, type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { requireFloat } from "./float_operands.ts";
import type { Derivatives, ImportNode, LoweringContext, NodeDraft, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { outputRange, scalesOf, storageOf } from "./rescale.ts";

/** The sum of two or more activations of one shape. A constant summand is a ChannelAffine of its own. */
export type AddAttributes = ClampBounds;

/** Add and Sum: an Add of what is computed, or a ChannelAffine where one of two summands is a constant. */
export function translateSum(node: ImportNode): NodeDraft[] {
  const inputs = node.inputs.filter((name) => name !== "");
  const isConstant = node.inputs.map((_, i) => node.input(i)?.constant !== undefined);
  const computed = node.inputs.filter((name, i) => name !== "" && !isConstant[i]);
  const attributes = { ...UNBOUNDED };
  if (computed.length === 0 || computed.length === inputs.length) {
    return inputs.length === 1
      ? [{ op: "Identity", inputs, outputs: node.outputs, attributes: {} }]
      : [{ op: "Add", inputs, outputs: node.outputs, attributes }];
  }
  if (inputs.length !== 2) node.fail("a sum of three or more inputs takes no constants; found one");
  return [constantSummand(node, isConstant[0] ? 1 : 0, isConstant[0] ? 0 : 1)];
}

const onnx: OnnxImport = { type: "Add", attributes: {}, translate: translateSum };

function infer(node: Node<AddAttributes>, inputs: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, inputs);
  const [first, ...rest] = inputs as readonly Value[];
  for (const other of rest) {
    if (!sameShape(first.shape, other.shape)) {
      throw nodeError(
        node,
        `adds ${first.name} of shape [${first.shape}] and ${other.name} of shape [${other.shape}], expected equal shapes`,
      );
    }
  }
  return [{ dtype: first.dtype, shape: first.shape }];
}

function forward(
  node: Node<AddAttributes>,
  inputs: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { low, high } = node.attributes;
  const result = zeros("f32", output.shape);
  const [first, ...rest] = inputs.map((input) => (input as FloatTensor).data);
  const { data } = result;
  data.set(first);
  for (const term of rest) {
    for (let i = 0; i < data.length; i++) data[i] += term[i];
  }
  if (low !== -Infinity || high !== Infinity) {
    for (let i = 0; i < data.length; i++) data[i] = clamp(data[i], low, high);
  }
  return [result];
}

const derivatives: Derivatives<AddAttributes> = {
  tangent(node, { inputs: [x], outputs: [y] }, tangents) {
    const sum = new Float32Array(x!.data.length);
    for (const term of tangents) {
      if (term) { for (let i = 0; i < sum.length; i++) sum[i] += term[i]; }
    }
    return [betweenBounds(sum, y, node.attributes)];
  },
  gradient({ attributes }, { inputs, outputs: [y] }, [g], wanted) {
    const ofEach = betweenBounds(g, y, attributes);
    return inputs.map((_, i) => wanted[i] ? ofEach.slice() : undefined);
  },
};

function lower(node: Node<AddAttributes>, { inputs, output }: LoweringContext): SumProblem {
  const { shape } = inputs[0];
  const channels = innermostExtent(shape);
  const outputScale = output!.quantization.scale;
  const ratios = inputs.map((input) => Array.from(scalesOf(input), (scale) => scale / outputScale));
  const { multipliers, shift } = dyadicsWithCommonShift(ratios.flat());
  let next = 0;
  return {
    kind: "sum",
    pixels: sizeOf(shape) / channels,
    channels,
    terms: inputs.map((input, i) => ({
      dtype: input.channelScales ? "i32" : storageOf(input.quantization.bits),
      zeroPoint: input.channelScales ? 0 : input.quantization.zeroPoint,
      multipliers: Int32Array.from(multipliers.slice(next, next += ratios[i].length)),
    })),
    shift,
    output: outputRange(output!, node.attributes),
  };
}

/** A clamp is the case of one input. */
export function lowerFloatSum(
  { attributes: { low, high } }: Node<ClampBounds>,
  inputs: readonly Value[],
  { shape }: Value,
): FloatSumProblem {
  return { kind: "float_sum", size: sizeOf(shape), terms: inputs.length, low, high };
}

const operator: Operator<AddAttributes> = {
  name: "Add",
  infer,
  forward,
  derivatives,
  quantization: "summing",
  samples: [
    { attributes: { low: 0, high: Infinity }, inputs: [[1, 3, 4, 5], [1, 3, 4, 5]] },
    { attributes: UNBOUNDED, inputs: [[1, 6], [1, 6], [1, 6]] },
  ],
  lower,
  lowerComputed: lowerFloatSum,
  batchAxes: sameBatchAxis,
};

export const add = { onnx, operator };
