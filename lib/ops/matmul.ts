import type { Node, Value, ValueType } from "../ir/graph.ts";
import { rowMajorStrides, type Shape, sizeOf } from "../tensor/shape.ts";
import {
  type FloatTensor,
  forEachOffset,
  type Tensor,
  tensor,
  toActivationOrder,
  toLogicalOrder,
} from "../tensor/tensor.ts";
import { commonAxis } from "./batch_axis.ts";
import { UNBOUNDED } from "./clamp_bounds.ts";
import { requireFloat } from "./float_operands.ts";
import { matrixConstant, transposed } from "./gemm.ts";
import { withData } from "./linear_derivatives.ts";
import type { Cost, Derivatives, ImportNode, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";

/** A matrix product with a constant right operand [K, O] is a Gemm without bias. */
const onnx: OnnxImport = {
  type: "MatMul",
  attributes: {},
  translate(node: ImportNode) {
    const { inputs, outputs } = node;
    if (node.input(1)?.constant === undefined) return [{ op: "MatMul", inputs, outputs, attributes: {} }];
    const weight = node.addConstant("weight", transposed(matrixConstant(node, 1)));
    return [{ op: "Gemm", inputs: [inputs[0], weight], outputs, attributes: { ...UNBOUNDED } }];
  },
};

function infer(node: Node, [a, b]: readonly (Value | undefined)[]): ValueType[] {
  if (b === undefined) throw nodeError(node, "its second operand is missing");
  requireFloat(node, [a, b]);
  if (a!.constant !== undefined && a!.shape.length === 4) {
    throw nodeError(node, `the constant ${a!.name} has shape [${a!.shape}], expected other than four axes`);
  }
  if (a!.shape.length < 2 || b.shape.length < 2) {
    throw nodeError(node, `multiplies [${a!.shape}] and [${b.shape}], expected two or more axes each`);
  }
  const { batch, rows, depth, columns } = extentsOf(a!.shape, b.shape);
  const fits = depth === b.shape.at(-2) &&
    [a!.shape, b.shape].every((shape) =>
      shape.slice(0, -2).every((extent, i) => extent === 1 || extent === batch[batch.length - shape.length + 2 + i])
    );
  if (!fits) throw nodeError(node, `multiplies [${a!.shape}] and [${b.shape}], whose extents do not fit`);
  return [{ dtype: "f32", shape: [...batch, rows, columns] }];
}

/** Y [..., rows, columns] = A [..., rows, depth] B [..., depth, columns], one product for every index of `batch`. */
function extentsOf(a: Shape, b: Shape): { batch: number[]; rows: number; depth: number; columns: number } {
  const rank = Math.max(a.length, b.length) - 2;
  const extentAt = (shape: Shape, i: number): number => shape[shape.length - 2 - rank + i] ?? 1;
  const batch = Array.from({ length: rank }, (_, i) => Math.max(extentAt(a, i), extentAt(b, i)));
  return { batch, rows: a.at(-2)!, depth: a.at(-1)!, columns: b.at(-1)! };
}

/** Strides over the axes of `batch` of an operand of this shape, 0 where it is broadcast. */
function batchStrides(shape: Shape, rank: number): number[] {
  const strides = rowMajorStrides(shape);
  return Array.from({ length: rank }, (_, i) => {
    const axis = shape.length - 2 - rank + i;
    return axis >= 0 && shape[axis] > 1 ? strides[axis] : 0;
  });
}

/** Calls `visit(a, b, y)` with offsets in ONNX order for every multiplication: by product, row, column, then depth. */
function forEachProduct(aShape: Shape, bShape: Shape, visit: (a: number, b: number, y: number) => void): void {
  const { batch, rows, depth, columns } = extentsOf(aShape, bShape);
  let y = 0;
  forEachOffset(batch, batchStrides(aShape, batch.length), batchStrides(bShape, batch.length), (aStart, bStart) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, y++) {
        for (let k = 0; k < depth; k++) visit(aStart + row * depth + k, bStart + k * columns + column, y);
      }
    }
  });
}

/** The product of operands in memory order, in memory order. */
function multiply(a: FloatTensor, b: FloatTensor, output: Shape): Float32Array {
  const [left, right] = [toLogicalOrder(a), toLogicalOrder(b)];
  const sums = new Float64Array(sizeOf(output));
  forEachProduct(a.shape, b.shape, (i, j, y) => sums[y] += left[i] * right[j]);
  return toActivationOrder(tensor("f32", output, new Float32Array(sums)));
}

function forward(_node: Node, [a, b]: readonly (Tensor | undefined)[], [{ shape }]: readonly Value[]): Tensor[] {
  return [tensor("f32", shape, multiply(a as FloatTensor, b as FloatTensor, shape))];
}

/** G B^T for the left operand, A^T G for the right one, summed over where an operand is broadcast. */
function gradients(
  a: FloatTensor,
  b: FloatTensor,
  output: Shape,
  gradient: Float32Array,
  wanted: readonly boolean[],
): (Float32Array | undefined)[] {
  const [left, right, g] = [a, b, tensor("f32", output, gradient)].map((operand) => toLogicalOrder(operand));
  const sums = [a, b].map(({ data }) => new Float64Array(data.length));
  forEachProduct(a.shape, b.shape, (i, j, y) => {
    sums[0][i] += g[y] * right[j];
    sums[1][j] += g[y] * left[i];
  });
  return [a, b].map(({ shape }, i) =>
    wanted[i] ? toActivationOrder(tensor("f32", shape, new Float32Array(sums[i]))) : undefined
  );
}

/** Bilinear: J t = dA B + A dB, and the gradients of one operand change with the other. */
const derivatives: Derivatives<Node["attributes"]> = {
  tangent(_node, { inputs: [a, b], outputs: [{ shape }] }, [da, db]) {
    const first = multiply(withData(a!, da), b as FloatTensor, shape);
    const second = multiply(a as FloatTensor, withData(b!, db), shape);
    return [first.map((v, i) => v + second[i])];
  },
  gradient: (_node, { inputs: [a, b], outputs: [{ shape }] }, [g], wanted) =>
    gradients(a as FloatTensor, b as FloatTensor, shape, g, wanted),
  curvature: (_node, { inputs: [a, b], outputs: [{ shape }] }, [da, db], [g], wanted) =>
    gradients(withData(a!, da), withData(b!, db), shape, g, wanted),
};

function cost(_node: Node, [a, b]: readonly (Value | undefined)[]): Cost {
  const { batch, rows, depth, columns } = extentsOf(a!.shape, b!.shape);
  return { macs: sizeOf(batch) * rows * depth * columns, parameters: 0 };
}

/** A matrix product whose right operand is computed. */
const operator: Operator = {
  name: "MatMul",
  infer,
  forward,
  derivatives,
  quantization: "float",
  samples: [
    { attributes: {}, inputs: [[1, 3, 4], [1, 4, 2]] },
    { attributes: {}, inputs: [[1, 2, 3, 4], [2, 4, 2]] },
  ],
  batchAxes(_node, axes, operands) {
    const rank = Math.max(...operands.map((operand) => operand!.shape.length));
    const axis = commonAxis(
      axes.map((found, i) => found === undefined ? undefined : rank - operands[i]!.shape.length + found),
    );
    return axis === undefined || axis >= rank - 2 ? undefined : [axis];
  },
  cost,
};

export const matmul = { onnx, operator };
