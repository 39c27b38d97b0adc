/** Extents per axis, outermost first, as ONNX writes them (images: N, C, H, W). `[]` is a scalar. */
export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** Strides in elements of a dense array with the last axis innermost. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * Strides in elements of each axis of an activation as both engines store it: a rank-4 activation N, C, H, W lies
 * channels-last (N, H, W, C) in memory, every other rank row-major. Shapes are always written in ONNX order, so only
 * code that copies elements in logical order (Reshape, Transpose, Flatten) notices.
 */
export function activationStrides(shape: Shape): number[] {
  if (shape.length !== 4) return rowMajorStrides(shape);
  const [, channels, height, width] = shape;
  return [channels * height * width, 1, width * channels, channels];
}

/** `axis` in 0..rank-1 for an axis that may count from the end, or a RangeError. */
export function normalizeAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= Math.max(rank, 1)) {
    throw new RangeError(`axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return normal;
}

/** `2x3x4`, or `scalar`. */
export function formatShape(shape: Shape): string {
  return shape.length === 0 ? "scalar" : shape.join("x");
}
