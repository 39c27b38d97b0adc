import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

const onnx: OnnxImport = {
  type: "Constant",
  attributes: {
    value: { type: "tensor" },
    value_float: { type: "float", since: 12 },
    value_floats: { type: "floats", since: 12 },
    value_int: { type: "int", since: 12 },
    value_ints: { type: "ints", since: 12 },
  },
  translate(node: ImportNode) {
    const content = contentOf(node);
    const inputs = [node.addConstant("value", content)];
    return [{ op: "Identity", inputs, outputs: node.outputs, attributes: {} }];
  },
};

function contentOf(node: ImportNode): Tensor {
  const { value, value_float, value_floats, value_int, value_ints } = node.attributes;
  if (value !== undefined) return value as Tensor;
  if (value_float !== undefined) return tensor("f32", [], Float32Array.of(value_float as number));
  if (value_int !== undefined) return tensor("i64", [], BigInt64Array.of(BigInt(value_int as number)));
  if (value_floats !== undefined) {
    const list = value_floats as number[];
    return tensor("f32", [list.length], Float32Array.from(list));
  }
  if (value_ints !== undefined) {
    const list = value_ints as number[];
    return tensor("i64", [list.length], BigInt64Array.from(list, BigInt));
  }
  return node.fail("none of the attributes that hold a value is present");
}

export const constant = { onnx };
