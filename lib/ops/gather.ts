import type { GatherProblem } from "../arith/problem.ts";
import { quantize } from "../arith/quantization.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { allocate } from "../tensor/dtype.ts";
import { activationStrides, normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, forEachOffset, type Tensor } from "../tensor/tensor.ts";
import { withData } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, LoweringContext, NodeDraft, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import type { SliceAttributes } from "./slice.ts";

/**
 * Slices of the data along one axis, chosen by integers: y[..., i, ...] = data[..., indices[i], ...]. With a constant
 * matrix as data and axis 0 an embedding. An index may count from the end. The output has the axes of the indices in
 * place of `axis`.
 */
export interface GatherAttributes {
  readonly axis: number;
}

const onnx: OnnxImport = {
  type: "Gather",
  attributes: { axis: { type: "int" } },
  translate(node: ImportNode) {
    const rank = node.input(0)!.shape.length;
    const axis = (node.attributes.axis as number | undefined) ?? 0;
    if (axis < -rank || axis >= rank) node.fail(`axis ${axis} is outside an input of rank ${rank}`);
    const attributes: GatherAttributes = { axis: normalizeAxis(axis, rank) };
    const index = node.input(1)?.constant;
    if (node.input(0)!.constant === undefined && index?.shape.length === 0) {
      return oneIndex(node, attributes.axis, Number(index.data[0]));
    }
    return [{ op: "Gather", inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

/** One index of an axis, known here, is a Slice whose axis goes. */
function oneIndex(node: ImportNode, axis: number, index: number): NodeDraft[] {
  const { shape } = node.input(0)!;
  const extent = shape[axis];
  if (!(index >= -extent && index < extent)) {
    node.fail(`found the index ${index}, expected ${-extent} to ${extent - 1}`);
  }
  const starts = shape.map((_, i) => i === axis ? (index < 0 ? index + extent : index) : 0);
  const slice: SliceAttributes = { starts, steps: shape.map(() => 1), extents: shape.with(axis, 1) };
  const part = node.temporary("slice");
  return [
    { op: "Slice", inputs: [node.inputs[0]], outputs: [part], attributes: { ...slice } },
    { op: "Reshape", inputs: [part], outputs: node.outputs, attributes: { shape: shape.toSpliced(axis, 1) } },
  ];
}

function infer(node: Node<GatherAttributes>, [data, indices]: readonly (Value | undefined)[]): ValueType[] {
  if (indices === undefined) throw nodeError(node, "its indices are missing");
  if (indices.dtype !== "i32" && indices.dtype !== "i64") {
    throw nodeError(node, `the indices ${indices.name} hold ${indices.dtype}, expected int32 or int64`);
  }
  const constants = [data!, indices].filter(({ constant }) => constant !== undefined);
  const [constant] = constants;
  // A constant is in ONNX order, what is computed channels-last: with four axes, forward could not tell one from the other.
  if (constants.length === 1 && constant.shape.length === 4) {
    throw nodeError(node, `the constant ${constant.name} has shape [${constant.shape}], expected other than four axes`);
  }
  const { axis } = node.attributes;
  const shape = [...data!.shape.slice(0, axis), ...indices.shape, ...data!.shape.slice(axis + 1)];
  return [{ dtype: data!.dtype, shape }];
}

/** Calls `visit(source, target)` with the offset of every element of the output and of the data that it comes from. */
function forEachElement(
  node: Node<GatherAttributes>,
  data: Shape,
  indices: Tensor,
  visit: (source: number, target: number) => void,
): void {
  const { axis } = node.attributes;
  const rank = indices.shape.length;
  const sourceStrides = activationStrides(data);
  const targetStrides = activationStrides([...data.slice(0, axis), ...indices.shape, ...data.slice(axis + 1)]);
  const without = <T>(list: readonly T[], count: number): T[] => [...list.slice(0, axis), ...list.slice(axis + count)];
  const slice = without(data, 1);
  const sliceStrides = without(sourceStrides, 1);
  const sliceTargets = without(targetStrides, rank);
  const extent = data[axis];
  const chosen = targetStrides.slice(axis, axis + rank);
  forEachOffset(indices.shape, activationStrides(indices.shape), chosen, (position, base) => {
    const index = Number(indices.data[position]);
    if (!(index >= -extent && index < extent)) {
      throw nodeError(node, `found the index ${index}, expected ${-extent} to ${extent - 1}`);
    }
    const start = (index < 0 ? index + extent : index) * sourceStrides[axis];
    forEachOffset(slice, sliceStrides, sliceTargets, (source, target) => visit(start + source, base + target));
  });
}

function forward(
  node: Node<GatherAttributes>,
  [data, indices]: readonly (Tensor | undefined)[],
  [{ dtype, shape }]: readonly Value[],
): Tensor[] {
  const source = data!.data as Float32Array; // elements are only moved
  const result = allocate(dtype, sizeOf(shape));
  const target = result as Float32Array; // the same
  forEachElement(node, data!.shape, indices!, (from, to) => target[to] = source[from]);
  return [{ dtype, shape, data: result }];
}

const derivatives: Derivatives<GatherAttributes> = {
  tangent(node, { inputs: [data, indices], outputs: [y] }, [tangent]) {
    const result = new Float32Array(y.data.length);
    const source = withData(data!, tangent).data;
    forEachElement(node, data!.shape, indices!, (from, to) => result[to] = source[from]);
    return [result];
  },
  gradient(node, { inputs: [data, indices] }, [g], [wanted]) {
    if (!wanted) return [undefined, undefined];
    const sums = new Float64Array(data!.data.length);
    forEachElement(node, data!.shape, indices!, (from, to) => sums[from] += g[to]);
    return [new Float32Array(sums), undefined];
  },
};

const integers = (shape: Shape, ...values: number[]): Tensor => ({
  dtype: "i64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

function withoutIntegers(
  { attributes: { axis } }: Node<GatherAttributes>,
  [data, indices]: readonly (Value | undefined)[],
): string | undefined {
  if (data!.constant === undefined) return "choosing from computed values by indices";
  if (axis !== 0 || data!.dtype !== "f32") return `choosing from ${data!.dtype} on axis ${axis}`;
  return indices!.constant === undefined ? undefined : "an embedding of constant indices";
}

/** Rows are quantized once, as the output is. */
function lower(_node: Node<GatherAttributes>, { inputs, output, constants }: LoweringContext): GatherProblem {
  const { shape: [rows], data } = constants![0] as FloatTensor; // a constant of other elements has no integer form
  return {
    kind: "gather",
    count: sizeOf(inputs[0].shape),
    rows,
    width: data.length / rows,
    table: Uint8Array.from(data, (v) => quantize(v, output!.quantization)),
  };
}

const operator: Operator<GatherAttributes> = {
  name: "Gather",
  infer,
  forward,
  derivatives,
  quantization: "mapping",
  withoutIntegers,
  lower,
  samples: [
    { attributes: { axis: 0 }, inputs: [[5, 3], [4, 1]], integers: { 1: integers([4, 1], 2, 0, -1, 2) } },
    { attributes: { axis: 2 }, inputs: [[1, 3, 4, 2], []], integers: { 1: integers([], -2) } },
  ],
  batchAxes({ attributes: { axis } }, [ofData, ofIndices], [, indices]) {
    if (ofData === undefined) return [axis + ofIndices!];
    if (ofIndices !== undefined || ofData === axis) return undefined;
    return [ofData < axis ? ofData : ofData + indices!.shape.length - 1];
  },
};

export const gather = { onnx, operator };
