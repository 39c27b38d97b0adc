import type { CopyProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { allocate } from "../tensor/dtype.ts";
import { activationStrides, sizeOf } from "../tensor/shape.ts";
import { forEachOffset, type Tensor } from "../tensor/tensor.ts";
import { movingDerivatives } from "./linear_derivatives.ts";
import type { ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { storageOf } from "./rescale.ts";

/** Output axis i is input axis permutation[i]. */
export interface TransposeAttributes {
  readonly permutation: readonly number[];
}

const onnx: OnnxImport = {
  type: "Transpose",
  attributes: { perm: { type: "ints" } },
  translate(node: ImportNode) {
    const rank = node.input(0)!.shape.length;
    const permutation = (node.attributes.perm as number[] | undefined) ??
      Array.from({ length: rank }, (_, i) => rank - 1 - i);
    if (permutation.toSorted((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== rank) {
      node.fail(`perm [${permutation}] is not a permutation of ${rank} axes`);
    }
    return [{ op: "Transpose", inputs: node.inputs, outputs: node.outputs, attributes: { permutation } }];
  },
};

function infer(node: Node<TransposeAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  const { permutation } = node.attributes;
  if (permutation.length !== x!.shape.length) throw nodeError(node, `perm [${permutation}] does not fit [${x!.shape}]`);
  return [{ dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]) }];
}

/** Strides of the input for each axis of the output. */
function sourceStrides(node: Node<TransposeAttributes>, shape: readonly number[]): number[] {
  const strides = activationStrides(shape);
  return node.attributes.permutation.map((axis) => strides[axis]);
}

function forward(
  node: Node<TransposeAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const source = x!.data as Float32Array; // elements are only moved
  const data = allocate(output.dtype, sizeOf(output.shape)) as Float32Array;
  forEachOffset(output.shape, sourceStrides(node, x!.shape), activationStrides(output.shape), (s, t) => {
    data[t] = source[s];
  });
  return [{ dtype: output.dtype, shape: output.shape, data }];
}

const derivatives = movingDerivatives<TransposeAttributes>(forward, ({ permutation }) => ({
  permutation: permutation.map((_, axis) => permutation.indexOf(axis)),
}));

function lower(
  node: Node<TransposeAttributes>,
  { inputs: [input] }: LoweringContext,
  outputType: ValueType,
): CopyProblem | undefined {
  const source = sourceStrides(node, input.shape);
  const target = activationStrides(outputType.shape);
  if (outputType.shape.every((extent, axis) => extent === 1 || source[axis] === target[axis])) return undefined;
  return {
    kind: "copy",
    dtype: storageOf(input.quantization.bits),
    shape: outputType.shape,
    sourceOffset: 0,
    sourceStrides: source,
    targetOffset: 0,
    targetStrides: target,
    targetSize: sizeOf(outputType.shape),
    fill: 0,
  };
}

const operator: Operator<TransposeAttributes> = {
  name: "Transpose",
  infer,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [{ attributes: { permutation: [0, 2, 3, 1] }, inputs: [[1, 2, 3, 4]] }, {
    attributes: { permutation: [0, 2, 1] },
    inputs: [[1, 3, 5]],
  }],
  lower,
  batchAxes: ({ attributes: { permutation } }, [axis]) => [permutation.indexOf(axis!)],
};

export const transpose = { onnx, operator };
