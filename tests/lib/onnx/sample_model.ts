import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "../../../lib/onnx/messages.ts";
import { encodeModel, type Plain } from "../../../lib/onnx/schema.ts";

/** Short ways to write ONNX models down in tests. */

export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;

/** A graph input or output; strings are open extents. */
export function info(name: string, shape: readonly (number | string)[], elemType = FLOAT): Plain<ValueInfoProto> {
  const dim = shape.map((extent) => typeof extent === "number" ? { dimValue: extent } : { dimParam: extent });
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

export function floats(name: string, dims: readonly number[], values: readonly number[]): Plain<TensorProto> {
  return { name, dims, dataType: FLOAT, rawData: new Uint8Array(Float32Array.from(values).buffer) };
}

/** A float initializer of small different values. */
export function ramp(name: string, dims: readonly number[]): Plain<TensorProto> {
  const size = dims.reduce((a, b) => a * b, 1);
  return floats(name, dims, Array.from({ length: size }, (_, i) => (i % 7 - 3) / 4));
}

export function integers(name: string, values: readonly number[]): Plain<TensorProto> {
  return { name, dims: [values.length], dataType: INT64, int64Data: values };
}

export function int(name: string, i: number): Plain<AttributeProto> {
  return { name, type: 2, i };
}

export function ints(name: string, values: readonly number[]): Plain<AttributeProto> {
  return { name, type: 7, ints: values };
}

export function text(name: string, s: string): Plain<AttributeProto> {
  return { name, type: 3, s: new TextEncoder().encode(s) };
}

export function texts(name: string, values: readonly string[]): Plain<AttributeProto> {
  return { name, type: 8, strings: values.map((s) => new TextEncoder().encode(s)) };
}

export function float(name: string, f: number): Plain<AttributeProto> {
  return { name, type: 1, f };
}

/** `node("Relu", "x", "y")`; names of several inputs or outputs are divided by spaces, "-" is an absent one. */
export function node(
  opType: string,
  input: string,
  output: string,
  attribute: readonly Plain<AttributeProto>[] = [],
  name?: string,
): Plain<NodeProto> {
  const split = (names: string): string[] =>
    names.split(" ").filter((part) => part !== "").map((part) => part === "-" ? "" : part);
  return { opType, input: split(input), output: split(output), attribute, name };
}

/** A model of opset 13, with a different opset or other fields where given. */
export function model(graph: Plain<GraphProto>, rest: Plain<ModelProto> & { opset?: number } = {}): Uint8Array {
  const { opset = 13, ...fields } = rest;
  return encodeModel({
    irVersion: 7,
    opsetImport: [{ version: opset }],
    graph: { name: "sample", ...graph },
    ...fields,
  });
}

/** x [N, 1, 4, 4] -> Conv, BatchNormalization, Relu, MaxPool, Flatten, Gemm -> y [N, 3]. */
export function smallNetwork(): Plain<GraphProto> {
  return {
    input: [info("x", ["N", 1, 4, 4])],
    output: [info("y", ["N", 3])],
    initializer: [
      ramp("w", [2, 1, 3, 3]),
      ...["gamma", "beta", "mean"].map((name) => ramp(name, [2])),
      floats("variance", [2], [1, 2]),
      ramp("matrix", [3, 8]),
      ramp("bias", [3]),
    ],
    node: [
      node("Conv", "x w", "c", [ints("pads", [1, 1, 1, 1]), ints("kernel_shape", [3, 3])]),
      node("BatchNormalization", "c gamma beta mean variance", "b", [{ name: "epsilon", type: 1, f: 1e-5 }]),
      node("Relu", "b", "r"),
      node("MaxPool", "r", "p", [ints("kernel_shape", [2, 2]), ints("strides", [2, 2])]),
      node("Flatten", "p", "f", [int("axis", 1)]),
      node("Gemm", "f matrix bias", "y", [int("transB", 1)]),
    ],
  };
}
