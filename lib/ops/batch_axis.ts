import type { Value } from "../ir/graph.ts";

/** The one axis on which the batch lies in every input that has it, or undefined. */
export function commonAxis(axes: readonly (number | undefined)[]): number | undefined {
  const [first, ...others] = axes.filter((axis) => axis !== undefined);
  return others.every((axis) => axis === first) ? first : undefined;
}

/** `batchAxes` of an operator of one output whose every element is made from those at its own place. */
export function sameBatchAxis(_node: unknown, axes: readonly (number | undefined)[]): [number] | undefined {
  const axis = commonAxis(axes);
  return axis === undefined ? undefined : [axis];
}

/** The same of one that combines elements along the axes of its first input for which `isCombined` says so. */
export function sameAxisUnless<N>(
  isCombined: (node: N, axis: number, rank: number) => boolean,
): (node: N, axes: readonly (number | undefined)[], inputs: readonly (Value | undefined)[]) => [number] | undefined {
  return (node, axes, [first]) => {
    const axis = commonAxis(axes);
    return axis === undefined || isCombined(node, axis, first!.shape.length) ? undefined : [axis];
  };
}
