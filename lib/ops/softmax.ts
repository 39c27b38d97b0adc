import type { Node, Value, ValueType } from "../ir/graph.ts";
import { activationStrides, normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { sameAxisUnless } from "./batch_axis.ts";
import { requireFloat } from "./float_operands.ts";
import type { Derivatives, ImportNode, NodeDraft, OnnxImport, Operator } from "./operator.ts";

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

/** The distributions of an activation: how many, and for every element (in memory order) which it belongs to. */
function distributions({ axis, lastAxis }: SoftmaxAttributes, shape: Shape): { count: number; of: Int32Array } {
  const strides = activationStrides(shape);
  const of = Int32Array.from({ length: sizeOf(shape) }, (_, offset) => {
    let group = 0;
    for (let a = 0; a < shape.length; a++) {
      if (a < axis || a > lastAxis) group = group * shape[a] + Math.floor(offset / strides[a]) % shape[a];
    }
    return group;
  });
  return { count: of.length / sizeOf(shape.slice(axis, lastAxis + 1)), of };
}

/** Writes log(sum exp) stable results: `finish(x - max, log of the sum)` for every element. */
export function forwardSoftmax(
  finish: (shifted: number, logSum: number) => number,
): Operator<SoftmaxAttributes>["forward"] {
  return ({ attributes }, [x], [output]) => {
    const { count, of } = distributions(attributes, output.shape);
    const input = (x as FloatTensor).data;
    const result = zeros("f32", output.shape);
    const peak = new Float64Array(count).fill(-Infinity);
    const sum = new Float64Array(count);
    for (let i = 0; i < input.length; i++) peak[of[i]] = Math.max(peak[of[i]], input[i]);
    for (let i = 0; i < input.length; i++) sum[of[i]] += Math.exp(input[i] - peak[of[i]]);
    for (let i = 0; i < input.length; i++) result.data[i] = finish(input[i] - peak[of[i]], Math.log(sum[of[i]]));
    return [result] as Tensor[];
  };
}

/** For every element, the sum of a[j] b[j] (without b, of a[j]) over the distribution that it belongs to. */
export function distributionSums(
  attributes: SoftmaxAttributes,
  shape: Shape,
  a: ArrayLike<number>,
  b?: ArrayLike<number>,
): Float64Array {
  const { count, of } = distributions(attributes, shape);
  const sums = new Float64Array(count);
  for (let i = 0; i < of.length; i++) sums[of[i]] += b ? a[i] * b[i] : a[i];
  return Float64Array.from(of, (group) => sums[group]);
}

/**
 * With p = softmax(x), <a, b> the sum of a[j] b[j] over a distribution, dp = p (t - <p, t>):
 *
 *     J t = dp        J^T g = p (g - <g, p>)        sum over o of g_o H_o t = dp (g - <g, p>) - p <g, dp>
 */
const derivatives: Derivatives<SoftmaxAttributes> = {
  tangent({ attributes }, { outputs: [y] }, [t]) {
    const p = (y as FloatTensor).data;
    if (!t) return [new Float32Array(p.length)];
    const mean = distributionSums(attributes, y.shape, p, t);
    return [p.map((probability, i) => probability * (t[i] - mean[i]))];
  },
  gradient({ attributes }, { outputs: [y] }, [g], [wanted]) {
    if (!wanted) return [undefined];
    const p = (y as FloatTensor).data;
    const mean = distributionSums(attributes, y.shape, p, g);
    return [p.map((probability, i) => probability * (g[i] - mean[i]))];
  },
  curvature({ attributes }, { outputs: [y] }, [t], [g], [wanted]) {
    if (!wanted || !t) return [undefined];
    const p = (y as FloatTensor).data;
    const meanTangent = distributionSums(attributes, y.shape, p, t);
    const meanGradient = distributionSums(attributes, y.shape, p, g);
    const dp = Float64Array.from(p, (probability, i) => probability * (t[i] - meanTangent[i]));
    const product = distributionSums(attributes, y.shape, g, dp);
    return [p.map((probability, i) => dp[i] * (g[i] - meanGradient[i]) - probability * product[i])];
  },
};

const operator: Operator<SoftmaxAttributes> = {
  name: "Softmax",
  infer,
  forward: forwardSoftmax((shifted, logSum) => Math.exp(shifted - logSum)),
  derivatives,
  quantization: "final",
  samples: [
    { attributes: { axis: 1, lastAxis: 1 }, inputs: [[1, 7]] },
    { attributes: { axis: 1, lastAxis: 3 }, inputs: [[1, 3, 2, 2]] },
  ],
  batchAxes: sameAxisUnless(({ attributes }, axis) => axis >= attributes.axis && axis <= attributes.lastAxis),
};

export const softmax = { onnx, operator };
