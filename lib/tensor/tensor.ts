import { allocate, type ArrayOf, type DType } from "./dtype.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { transpose } from "./transpose.ts";

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
export function toLogicalOrder<D extends DType>({ dtype, shape, data }: Tensor<D>): ArrayOf<D> {
  if (shape.length !== 4) return data.slice() as ArrayOf<D>;
  const [images, channels, height, width] = shape;
  const target = allocate(dtype, data.length);
  transpose(data, target, images, height * width, channels);
  return target;
}

/** Elements in ONNX order copied into the order of an activation (channels-last for rank 4), to `target`. */
export function toActivationOrder<D extends DType>(
  { dtype, shape, data }: Tensor<D>,
  target: ArrayOf<D> = allocate(dtype, data.length),
): ArrayOf<D> {
  const [images, channels, height, width] = shape.length === 4 ? shape : [1, 1, 1, data.length];
  transpose(data, target, images, channels, height * width);
  return target;
}
