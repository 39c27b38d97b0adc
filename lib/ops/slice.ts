import type { CopyProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { allocate } from "../tensor/dtype.ts";
import { activationStrides, normalizeAxis, type Shape, sizeOf } from "../tensor/shape.ts";
import { forEachOffset, type Tensor } from "../tensor/tensor.ts";
import { sameAxisUnless } from "./batch_axis.ts";
import { linearTangent } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { storageOf } from "./rescale.ts";

/** Every `steps`-th index of each axis from `starts` on, `extents` of them: one entry for every axis of the input. */
export interface SliceAttributes {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly extents: readonly number[];
}

const onnx: OnnxImport = {
  type: "Slice",
  attributes: {
    starts: { type: "ints", until: 9 },
    ends: { type: "ints", until: 9 },
    axes: { type: "ints", until: 9 },
  },
  translate(node: ImportNode) {
    const { shape, constant } = node.input(0)!;
    const given = listOf(node, 1, "starts") ?? node.fail("starts are missing");
    const ends = listOf(node, 2, "ends") ?? node.fail("ends are missing");
    const axes = (listOf(node, 3, "axes") ?? given.map((_, i) => i)).map((axis) => normalizeAxis(axis, shape.length));
    const strides = listOf(node, 4, "steps") ?? given.map(() => 1);
    if (new Set([given.length, ends.length, axes.length, strides.length]).size > 1) {
      node.fail(`starts [${given}], ends [${ends}], axes [${axes}] and steps [${strides}] differ in length`);
    }
    if (new Set(axes).size < axes.length) node.fail(`axes [${axes}] name one axis twice`);
    const starts = shape.map(() => 0);
    const steps = shape.map(() => 1);
    const extents = [...shape];
    axes.forEach((axis, i) => {
      const step = strides[i];
      // Integer networks hold no copies that run backward (`CopyProblem`); constants are only computed here.
      if (step === 0 || (step < 0 && constant === undefined)) {
        node.fail(`steps [${strides}], expected positive numbers`);
      }
      const extent = shape[axis];
      const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
      const within = (index: number): number => Math.min(Math.max(index < 0 ? index + extent : index, low), high);
      starts[axis] = Math.max(within(given[i]), 0);
      steps[axis] = step;
      extents[axis] = Math.max(Math.ceil((within(ends[i]) - starts[axis]) / step), 0);
    });
    const attributes: SliceAttributes = { starts, steps, extents };
    return [{ op: "Slice", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { ...attributes } }];
  },
};

/** A list from the attribute (to opset 9) or the input. Ends beyond 2^53 stand for the end of an axis: any number does. */
function listOf(node: ImportNode, index: number, name: string): number[] | undefined {
  if (node.input(index) === undefined) return node.attributes[name] as number[] | undefined;
  return Array.from(node.constant(index, name).data as ArrayLike<number | bigint>, Number);
}

function infer(node: Node<SliceAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  const { starts, steps, extents } = node.attributes;
  const fits = extents.length === x!.shape.length &&
    x!.shape.every((extent, axis) => {
      const last = starts[axis] + (extents[axis] - 1) * steps[axis];
      return extents[axis] === 0 || (starts[axis] < extent && last >= 0 && last < extent);
    });
  if (!fits) {
    throw nodeError(node, `takes [${extents}] from [${starts}] in steps of [${steps}] of an input of [${x!.shape}]`);
  }
  return [{ dtype: x!.dtype, shape: [...extents] }];
}

/** Where in memory the part lies in an input of this shape. */
function sourceOf({ attributes: { starts, steps } }: Node<SliceAttributes>, shape: Shape) {
  const strides = activationStrides(shape);
  return {
    sourceOffset: strides.reduce((sum, stride, axis) => sum + stride * starts[axis], 0),
    sourceStrides: strides.map((stride, axis) => stride * steps[axis]),
  };
}

function forward(
  node: Node<SliceAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [{ dtype, shape }]: readonly Value[],
): Tensor[] {
  const { sourceOffset, sourceStrides } = sourceOf(node, x!.shape);
  const source = x!.data as Float32Array; // elements are only moved
  const data = allocate(dtype, sizeOf(shape));
  const target = data as Float32Array; // the same
  forEachOffset(shape, sourceStrides, activationStrides(shape), (s, t) => target[t] = source[sourceOffset + s]);
  return [{ dtype, shape, data }];
}

const derivatives: Derivatives<SliceAttributes> = {
  tangent: linearTangent(forward),
  gradient(node, { inputs: [x], outputs: [y] }, [g], [wanted]) {
    if (!wanted) return [undefined];
    const { sourceOffset, sourceStrides } = sourceOf(node, x!.shape);
    const gradient = new Float32Array(x!.data.length);
    forEachOffset(y.shape, sourceStrides, activationStrides(y.shape), (s, t) => gradient[sourceOffset + s] = g[t]);
    return [gradient];
  },
};

function lower(node: Node<SliceAttributes>, { inputs: [input] }: LoweringContext, { shape }: ValueType): CopyProblem {
  return {
    kind: "copy",
    dtype: storageOf(input.quantization.bits),
    shape,
    ...sourceOf(node, input.shape),
    targetOffset: 0,
    targetStrides: activationStrides(shape),
    targetSize: sizeOf(shape),
    fill: 0,
  };
}

const operator: Operator<SliceAttributes> = {
  name: "Slice",
  infer,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [
    { attributes: { starts: [0, 1, 0, 1], steps: [1, 1, 2, 2], extents: [1, 2, 2, 2] }, inputs: [[1, 3, 4, 5]] },
    { attributes: { starts: [0, 2], steps: [1, 1], extents: [1, 3] }, inputs: [[1, 6]] },
  ],
  batchAxes: sameAxisUnless(({ attributes: { starts, steps } }, axis) => starts[axis] !== 0 || steps[axis] !== 1),
  lower,
};

export const slice = { onnx, operator };
