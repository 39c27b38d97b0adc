import type { CopyProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { activationStrides, rowMajorStrides, type Shape, sizeOf } from "../tensor/shape.ts";
import { type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";
import { integersOf } from "./integers.ts";
import { movingDerivatives } from "./linear_derivatives.ts";
import type { ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { storageOf } from "./rescale.ts";

/** The same elements in ONNX order under another shape, all extents known. */
export interface ReshapeAttributes {
  readonly shape: readonly number[];
}

const onnx: OnnxImport = {
  type: "Reshape",
  attributes: { allowzero: { type: "int", since: 14 } },
  translate(node: ImportNode) {
    const source = node.input(0)!.shape;
    const requested = integersOf(node.constant(1, "shape"));
    const keepsZero = node.attributes.allowzero === 1;
    const shape = requested.map((extent, i) => {
      if (extent !== 0 || keepsZero) return extent;
      if (i >= source.length) node.fail(`shape [${requested}] copies axis ${i} of an input of rank ${source.length}`);
      return source[i];
    });
    const free = shape.indexOf(-1);
    if (free >= 0) shape[free] = sizeOf(source) / sizeOf(shape.filter((_, i) => i !== free));
    if (sizeOf(shape) !== sizeOf(source) || shape.some((e) => !Number.isInteger(e) || e < 0)) {
      node.fail(`cannot reshape [${source}] (one image) to [${requested}]`);
    }
    return [{ op: "Reshape", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { shape } }];
  },
};

function infer(node: Node<ReshapeAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  const { shape } = node.attributes;
  if (sizeOf(shape) !== sizeOf(x!.shape)) throw nodeError(node, `cannot reshape [${x!.shape}] to [${shape}]`);
  return [{ dtype: x!.dtype, shape }];
}

function forward(
  _node: Node<ReshapeAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const logical = tensor(x!.dtype, output.shape, toLogicalOrder(x!));
  return [tensor(output.dtype, output.shape, toActivationOrder(logical))];
}

const derivatives = movingDerivatives<ReshapeAttributes>(forward, (_attributes, shape) => ({ shape }));

/**
 * The axis of `target` with the same steps of elements as axis `axis` of `source`, of an extent above 1: the axis itself, or
 * one that it is merged into as the innermost part (T, N to T N). Of axes with the same steps all but the first have extent 1.
 */
function reshapedBatchAxis(source: Shape, axis: number, target: Shape): [number] | undefined {
  const step = rowMajorStrides(source)[axis];
  const found = rowMajorStrides(target).indexOf(step);
  return found < 0 ? undefined : [found];
}

/** Whether ONNX order and memory order of an activation are the same. */
export function isRowMajor(shape: Shape): boolean {
  return shape.length !== 4 || shape[1] === 1 || shape[2] * shape[3] === 1;
}

function lower(
  node: Node<ReshapeAttributes>,
  { inputs: [input] }: LoweringContext,
): CopyProblem | undefined {
  const { shape } = node.attributes;
  if (isRowMajor(input.shape) && isRowMajor(shape)) return undefined;
  const sourceRowMajor = isRowMajor(input.shape);
  const moved = sourceRowMajor ? shape : input.shape;
  if (!sourceRowMajor && !isRowMajor(shape)) {
    throw nodeError(
      node,
      `a reshape from [${input.shape}] to [${shape}] in integers; expected one side to be a vector`,
    );
  }
  return {
    kind: "copy",
    dtype: storageOf(input.quantization.bits),
    shape: moved,
    sourceOffset: 0,
    sourceStrides: sourceRowMajor ? rowMajorStrides(moved) : activationStrides(moved),
    targetOffset: 0,
    targetStrides: sourceRowMajor ? activationStrides(moved) : rowMajorStrides(moved),
    targetSize: sizeOf(shape),
    fill: 0,
  };
}

const operator: Operator<ReshapeAttributes> = {
  name: "Reshape",
  infer,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [{ attributes: { shape: [1, 24] }, inputs: [[1, 2, 3, 4]] }, {
    attributes: { shape: [1, 4, 2, 3] },
    inputs: [[1, 24]],
  }, { attributes: { shape: [1, 5] }, inputs: [[1, 5, 1, 1]] }],
  lower,
  batchAxes: ({ attributes: { shape } }, [axis], [x]) => reshapedBatchAxis(x!.shape, axis!, shape),
};

export const reshape = { onnx, operator };
