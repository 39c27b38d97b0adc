import { normalizeAxis } from "../tensor/shape.ts";
import { integersOf } from "./integers.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

const onnx: OnnxImport = {
  type: "Squeeze",
  attributes: { axes: { type: "ints", until: 12 } },
  translate(node: ImportNode) {
    const { shape } = node.input(0)!;
    const axes = axesOf(node)?.map((axis) => normalizeAxis(axis, shape.length)) ??
      shape.flatMap((extent, axis) => extent === 1 && axis > 0 ? [axis] : []);
    const wrong = axes.find((axis) => shape[axis] !== 1);
    if (wrong !== undefined) node.fail(`squeezes axis ${wrong} of [${shape}], whose extent is not 1`);
    const kept = shape.filter((_, axis) => !axes.includes(axis));
    return [{ op: "Reshape", inputs: [node.inputs[0]], outputs: node.outputs, attributes: { shape: kept } }];
  },
};

/** Axes from the attribute (to opset 12) or the second input (from opset 13). */
export function axesOf(node: ImportNode): number[] | undefined {
  if (node.input(1) !== undefined) return integersOf(node.constant(1, "axes"));
  return node.attributes.axes as number[] | undefined;
}

export const squeeze = { onnx };
