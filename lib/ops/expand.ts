import { allocate } from "../tensor/dtype.ts";
import { rowMajorStrides, sameShape, sizeOf } from "../tensor/shape.ts";
import { forEachOffset } from "../tensor/tensor.ts";
import { MAX_CONSTANT_ELEMENTS } from "./fold.ts";
import { integersOf } from "./integers.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/** A constant repeated along axes of extent 1, as exporters make zero states; of what is computed only the same shape. */
const onnx: OnnxImport = {
  type: "Expand",
  attributes: {},
  translate(node: ImportNode) {
    const { shape: source, constant } = node.input(0)!;
    const requested = integersOf(node.constant(1, "shape"));
    const rank = Math.max(source.length, requested.length);
    const padded = [...new Array<number>(rank - source.length).fill(1), ...source];
    const wanted = [...new Array<number>(rank - requested.length).fill(1), ...requested];
    const shape = padded.map((extent, axis) => extent === 1 ? wanted[axis] : extent);
    if (wanted.some((extent, axis) => extent !== 1 && extent !== shape[axis]) || shape.some((extent) => extent < 0)) {
      node.fail(`cannot expand [${source}] to [${requested}]`);
    }
    const replaced = (input: string) => [{ op: "Identity", inputs: [input], outputs: node.outputs, attributes: {} }];
    if (sameShape(shape, source)) return replaced(node.inputs[0]);
    if (constant === undefined) node.fail(`expands [${source}], which is computed, to [${shape}]; expected a constant`);
    if (sizeOf(shape) > MAX_CONSTANT_ELEMENTS) {
      node.fail(`expands to [${shape}], expected at most ${MAX_CONSTANT_ELEMENTS} elements`);
    }
    const strides = rowMajorStrides(padded).map((stride, axis) => padded[axis] === 1 ? 0 : stride);
    const data = allocate(constant.dtype, sizeOf(shape));
    const [from, to] = [constant.data as Float32Array, data as Float32Array]; // elements are only moved
    forEachOffset(shape, strides, rowMajorStrides(shape), (s, t) => to[t] = from[s]);
    return replaced(node.addConstant("expanded", { dtype: constant.dtype, shape, data }));
  },
};

export const expand = { onnx };
