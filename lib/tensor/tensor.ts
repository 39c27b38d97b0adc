import { allocate, type ArrayOf, type DType } from "./dtype.ts";
import { activationStrides, rowMajorStrides, type Shape, sizeOf } from "./shape.ts";

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
  return reorder(source, activationStrides(source.shape), rowMajorStrides(source.shape));
}

/** Elements in ONNX order copied into the order of an activation (channels-last for rank 4). */
export function toActivationOrder<D extends DType>(source: Tensor<D>): ArrayOf<D> {
  return reorder(source, rowMajorStrides(source.shape), activationStrides(source.shape));
}

function reorder<D extends DType>(
  source: Tensor<D>,
  sourceStrides: readonly number[],
  targetStrides: readonly number[],
): ArrayOf<D> {
  if (source.shape.length !== 4) return source.data.slice() as ArrayOf<D>;
  const target = allocate(source.dtype, source.data.length);
  const from = source.data as Float32Array;
  const to = target as unknown as Float32Array; // one loop for every dtype: elements are only moved
  forEachOffset(source.shape, sourceStrides, targetStrides, (s, t) => {
    to[t] = from[s];
  });
  return target;
}
