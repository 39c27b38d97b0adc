import { allocate } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { MAX_CONSTANT_ELEMENTS } from "./fold.ts";
import { integersOf } from "./integers.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/** A constant of a constant shape, all elements equal. */
const onnx: OnnxImport = {
  type: "ConstantOfShape",
  attributes: { value: { type: "tensor" } },
  translate(node: ImportNode) {
    const shape = integersOf(node.constant(0, "shape"));
    const { dtype, data: [element] } = (node.attributes.value as Tensor | undefined) ??
      tensor("f32", [1], Float32Array.of(0));
    if (element === undefined) node.fail("attribute value is empty, expected one element");
    const size = sizeOf(shape);
    if (shape.some((extent) => extent < 0) || size > MAX_CONSTANT_ELEMENTS) {
      node.fail(`the shape is [${shape}], expected no negative extents and at most ${MAX_CONSTANT_ELEMENTS} elements`);
    }
    const data = allocate(dtype, size);
    data.fill(element as never); // the element has the type of its own array
    const inputs = [node.addConstant("value", { dtype, shape, data })];
    return [{ op: "Identity", inputs, outputs: node.outputs, attributes: {} }];
  },
};

export const constant_of_shape = { onnx };
