import { dyadicFromRatio } from "../arith/dyadic.ts";
import type { ConcatProblem } from "../arith/problem.ts";
import { clamp } from "../arith/round.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { lowerFloatSum } from "./add.ts";
import { sameBatchAxis } from "./batch_axis.ts";
import { betweenBounds, type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { requireFloat } from "./float_operands.ts";
import { withData } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { outputRange, storageOf } from "./rescale.ts";

/** Y = min(max(X, low), high). Relu is the case [0, infinity); a pass moves it into the layer before where it can. */
export type ClipAttributes = ClampBounds;

const onnx: OnnxImport = {
  type: "Clip",
  attributes: { min: { type: "float", until: 10 }, max: { type: "float", until: 10 } },
  translate(node: ImportNode) {
    const attributes: ClipAttributes = {
      low: bound(node, "min", 1) ?? UNBOUNDED.low,
      high: bound(node, "max", 2) ?? UNBOUNDED.high,
    };
    if (attributes.low > attributes.high) node.fail(`min ${attributes.low} is greater than max ${attributes.high}`);
    return [{ op: "Clip", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { ...attributes } }];
  },
};

function bound(node: ImportNode, name: "min" | "max", index: number): number | undefined {
  if (node.input(index) === undefined) return node.attributes[name] as number | undefined;
  const value = node.constant(index, name);
  if (value.data.length !== 1) node.fail(`${name} has shape [${value.shape}], expected a scalar`);
  return Number(value.data[0]);
}

function infer(node: Node<ClipAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x]);
  return [{ dtype: x!.dtype, shape: x!.shape }];
}

function forward(
  node: Node<ClipAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { low, high } = node.attributes;
  const result = zeros("f32", output.shape);
  (x as FloatTensor).data.forEach((v, i) => result.data[i] = clamp(v, low, high));
  return [result];
}

const derivatives: Derivatives<ClipAttributes> = {
  tangent: (
    { attributes },
    { inputs: [x], outputs: [y] },
    [dx],
  ) => [betweenBounds(withData(x!, dx).data, y, attributes)],
  gradient: ({ attributes }, { outputs: [y] }, [g], [wanted]) => [wanted ? betweenBounds(g, y, attributes) : undefined],
};

function lower(node: Node<ClipAttributes>, { inputs: [input], output }: LoweringContext): ConcatProblem {
  const inner = sizeOf(input.shape);
  const { bits, zeroPoint, scale } = input.quantization;
  const rescale = dyadicFromRatio(scale / output!.quantization.scale);
  return {
    kind: "concat",
    outer: 1,
    parts: [{ dtype: storageOf(bits), inner, zeroPoint, rescale }],
    output: outputRange(output!, node.attributes),
  };
}

const operator: Operator<ClipAttributes> = {
  name: "Clip",
  infer,
  forward,
  derivatives,
  quantization: "rescaling",
  samples: [{ attributes: { low: 0, high: Infinity }, inputs: [[1, 2, 3, 4]] }, {
    attributes: { low: -0.5, high: 1 },
    inputs: [[1, 7]],
  }],
  lower,
  lowerComputed: lowerFloatSum,
  batchAxes: sameBatchAxis,
};

export const clip = { onnx, operator };
