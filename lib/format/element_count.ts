/**
 * Product of the extents of a shape found in a file, 1 for a scalar; undefined unless every extent is a whole number,
 * at least 0, and every partial product is at most 2^53 - 1.
 */
export function elementCount(shape: readonly unknown[]): number | undefined {
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || (extent as number) < 0) return undefined;
    count *= extent as number;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}
