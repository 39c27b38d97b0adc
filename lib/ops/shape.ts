import { tensor } from "../tensor/tensor.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/** The shape of a value is known when the graph is built: it is a constant. */
const onnx: OnnxImport = {
  type: "Shape",
  attributes: { start: { type: "int", since: 15 }, end: { type: "int", since: 15 } },
  translate(node: ImportNode) {
    const { start, end } = node.attributes as { start?: number; end?: number };
    const extents = node.input(0)!.shape.slice(start, end);
    const inputs = [node.addConstant("shape", tensor("i64", [extents.length], BigInt64Array.from(extents, BigInt)))];
    return [{ op: "Identity", inputs, outputs: node.outputs, attributes: {} }];
  },
};

export const shape = { onnx };
