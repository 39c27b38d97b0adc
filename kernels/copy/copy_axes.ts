import type { CopyProblem } from "../../lib/arith/problem.ts";

/** One axis of a strided copy; strides in elements. */
export interface CopyAxis {
  readonly extent: number;
  readonly source: number;
  readonly target: number;
}

/** The same copy with the fewest axes: none of extent 1, and axes that continue each other on both sides joined. */
export function joinAxes({ shape, sourceStrides, targetStrides }: CopyProblem): CopyAxis[] {
  const axes: CopyAxis[] = [];
  shape.forEach((extent, i) => {
    if (extent === 1) return;
    const axis = { extent, source: sourceStrides[i], target: targetStrides[i] };
    const outer = axes.at(-1);
    if (outer?.source === axis.source * extent && outer.target === axis.target * extent) {
      axes[axes.length - 1] = { ...axis, extent: outer.extent * extent };
    } else axes.push(axis);
  });
  return axes;
}
