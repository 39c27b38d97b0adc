import { allocate, type ArrayOf, type DType } from "./dtype.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** A dense array of one dtype. What order the elements have in memory is said by whoever passes it on. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: ArrayOf<D>;
}

export type FloatTensor = Tensor<"f32">;

/** @throws RangeError when the data do not fill the shape. */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: ArrayOf<D>): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`shape [${shape}] holds ${sizeOf(shape)} elements, data holds ${data.length}`);
  }
  return { dtype, shape, data };
}

export function zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
  return { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
}

/** Calls `visit(sourceOffset, targetOffset)` for every index of `shape`, last axis fastest. */
export function forEachOffset(
  shape: Shape,
  sourceStrides: readonly number[],
  targetStrides: readonly number[],
  visit: (source: number, target: number) => void,
): void {
  function walk(axis: number, source: number, target: number): void {
    if (axis === shape.length) return visit(source, target);
    for (let i = 0; i < shape[axis]; i++) {
      walk(axis + 1, source + i * sourceStrides[axis], target + i * targetStrides[axis]);
    }
  }
  walk(0, 0, 0);
}

/** Elements of an activation (channels-last for rank 4) copied into ONNX order, last axis innermost. */
export function toLogicalOrder<D extends DType>(source: Tensor<D>): ArrayOf<D> {
  if (source.shape.length !== 4) return source.data.slice() as ArrayOf<D>;
  const [, channels, height, width] = source.shape;
  return transposed(source, height * width, channels);
}

/** Elements in ONNX order copied into the order of an activation (channels-last for rank 4). */
export function toActivationOrder<D extends DType>(source: Tensor<D>): ArrayOf<D> {
  if (source.shape.length !== 4) return source.data.slice() as ArrayOf<D>;
  const [, channels, height, width] = source.shape;
  return transposed(source, channels, height * width);
}

/** Matrices of `rows` rows, one behind the other, each stored column by column. */
function transposed<D extends DType>(
  { dtype, data }: Tensor<D>,
  rows: number,
  columns: number,
): ArrayOf<D> {
  const target = allocate(dtype, data.length);
  const [from, to] = [data, target] as unknown as Float32Array[]; // one loop for every dtype: elements are only moved
  for (let start = 0; start < data.length; start += rows * columns) transpose(from, to, start, rows, columns);
  return target;
}

function transpose(from: Float32Array, to: Float32Array, start: number, rows: number, columns: number): void {
  for (let row = 0; row < rows; row++) {
    let source = start + row * columns;
    for (let target = start + row; target < start + rows * columns; target += rows) to[target] = from[source++];
  }
}
