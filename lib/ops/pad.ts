import type { CopyProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { allocate } from "../tensor/dtype.ts";
import { activationStrides, type Shape, sizeOf } from "../tensor/shape.ts";
import { forEachOffset, type Tensor } from "../tensor/tensor.ts";
import { quantize } from "../arith/quantization.ts";
import { requireFloat } from "./float_operands.ts";
import { integersOf } from "./integers.ts";
import { movingDerivatives } from "./linear_derivatives.ts";
import type { ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { storageOf } from "./rescale.ts";

/** Constant padding, elements before and after each axis. Negative amounts crop. */
export interface PadAttributes {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
}

const onnx: OnnxImport = {
  type: "Pad",
  attributes: {
    mode: { type: "string" },
    pads: { type: "ints", until: 10 },
    value: { type: "float", until: 10 },
  },
  translate(node: ImportNode) {
    const mode = (node.attributes.mode as string | undefined) ?? "constant";
    if (mode !== "constant") node.fail(`mode is ${JSON.stringify(mode)}, expected "constant"`);
    const rank = node.input(0)!.shape.length;
    const pads = node.input(1) !== undefined
      ? integersOf(node.constant(1, "pads"))
      : (node.attributes.pads as number[] | undefined) ?? node.fail("pads are missing");
    const value = node.input(2) !== undefined
      ? Number(node.constant(2, "value").data[0])
      : (node.attributes.value as number | undefined) ?? 0;
    const axes = node.input(3) !== undefined
      ? integersOf(node.constant(3, "axes")).map((axis) => axis < 0 ? axis + rank : axis)
      : Array.from({ length: rank }, (_, i) => i);
    if (pads.length !== 2 * axes.length) node.fail(`pads [${pads}] do not fit ${axes.length} axes`);
    const before = new Array<number>(rank).fill(0);
    const after = new Array<number>(rank).fill(0);
    axes.forEach((axis, i) => {
      before[axis] = pads[i];
      after[axis] = pads[axes.length + i];
    });
    const attributes: PadAttributes = { before, after, value };
    return [{ op: "Pad", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { ...attributes } }];
  },
};

function infer(node: Node<PadAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x]);
  const { before, after } = node.attributes;
  const shape = x!.shape.map((extent, axis) => extent + before[axis] + after[axis]);
  if (shape.some((extent) => extent < 1)) throw nodeError(node, `pads leave the shape [${shape}]`);
  return [{ dtype: x!.dtype, shape }];
}

/** The block of the input that stays, and where it begins in input and output. */
function placement(node: Node<PadAttributes>, input: Shape, output: Shape) {
  const { before, after } = node.attributes;
  const source = activationStrides(input);
  const target = activationStrides(output);
  const dot = (strides: number[], start: (axis: number) => number) =>
    strides.reduce((sum, stride, axis) => sum + stride * start(axis), 0);
  return {
    shape: input.map((extent, axis) => extent + Math.min(before[axis], 0) + Math.min(after[axis], 0)),
    sourceOffset: dot(source, (axis) => Math.max(-before[axis], 0)),
    sourceStrides: source,
    targetOffset: dot(target, (axis) => Math.max(before[axis], 0)),
    targetStrides: target,
  };
}

function forward(
  node: Node<PadAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { shape, sourceOffset, sourceStrides, targetOffset, targetStrides } = placement(node, x!.shape, output.shape);
  const source = x!.data as Float32Array; // elements are only moved
  const data = allocate(output.dtype, sizeOf(output.shape)) as Float32Array;
  if (node.attributes.value !== 0) data.fill(node.attributes.value);
  forEachOffset(shape, sourceStrides, targetStrides, (s, t) => {
    data[targetOffset + t] = source[sourceOffset + s];
  });
  return [{ dtype: output.dtype, shape: output.shape, data }];
}

/** The tangent pads with zeros; the gradient crops where the node pads and pads with zeros where it crops. */
const derivatives = movingDerivatives<PadAttributes>(
  (node, ...rest) => forward({ ...node, attributes: { ...node.attributes, value: 0 } }, ...rest),
  ({ before, after }) => ({ before: before.map((n) => -n), after: after.map((n) => -n), value: 0 }),
);

function lower(node: Node<PadAttributes>, { inputs: [input] }: LoweringContext, outputType: ValueType): CopyProblem {
  return {
    kind: "copy",
    dtype: storageOf(input.quantization.bits),
    ...placement(node, input.shape, outputType.shape),
    targetSize: sizeOf(outputType.shape),
    fill: quantize(node.attributes.value, input.quantization),
  };
}

const operator: Operator<PadAttributes> = {
  name: "Pad",
  infer,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [{ attributes: { before: [0, 0, 1, 2], after: [0, 0, 0, 1], value: 0 }, inputs: [[1, 2, 3, 4]] }, {
    attributes: { before: [0, -1], after: [0, 2], value: 0 },
    inputs: [[1, 5]],
  }, {
    attributes: { before: [0, 1], after: [0, 0], value: 10 },
    inputs: [[1, 3]],
  }],
  lower,
};

export const pad = { onnx, operator };
