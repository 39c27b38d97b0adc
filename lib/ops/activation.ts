import { dequantize, quantize } from "../arith/quantization.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName } from "./activation_functions.ts";
import { sameBatchAxis } from "./batch_axis.ts";
import { requireFloat } from "./float_operands.ts";
import type { ImportNode, OnnxImport, Operator } from "./operator.ts";

/**
 * The operator that computes f of every element, and its ONNX type:
 *
 *     y = f(x)        J t = f'(x) t        J^T g = f'(x) g        sum over o of g_o H_o t = f''(x) t g
 */
export function activationOperator(name: ActivationName): { onnx: OnnxImport; operator: Operator } {
  const { value, slope, bend } = ACTIVATION_FUNCTIONS[name];
  const elementsOf = (x: Tensor | undefined): Float32Array => (x as FloatTensor).data;
  const operator: Operator = {
    name,
    infer(node: Node, [x]: readonly (Value | undefined)[]): ValueType[] {
      requireFloat(node, [x]);
      return [{ dtype: x!.dtype, shape: x!.shape }];
    },
    forward: (_node, [x], [output]) => [{ ...output, data: elementsOf(x).map(value) }],
    derivatives: {
      tangent(_node, { inputs: [x] }, [t]) {
        const input = elementsOf(x);
        return [t ? input.map((v, i) => slope(v) * t[i]) : new Float32Array(input.length)];
      },
      gradient: (_node, { inputs: [x] }, [g], [wanted]) => [
        wanted ? elementsOf(x).map((v, i) => slope(v) * g[i]) : undefined,
      ],
      curvature: (_node, { inputs: [x] }, [t], [g], [wanted]) => [
        wanted && t ? elementsOf(x).map((v, i) => bend(v) * t[i] * g[i]) : undefined,
      ],
    },
    quantization: "mapping",
    lower(_node, { inputs: [input], output }, { shape }) {
      const table = Uint8Array.from(
        { length: 256 },
        (_, q) => quantize(value(dequantize(q, input.quantization)), output!.quantization),
      );
      return { kind: "table", size: sizeOf(shape), table };
    },
    samples: [{ attributes: {}, inputs: [[1, 2, 3, 4]] }, { attributes: {}, inputs: [[1, 7]] }],
    batchAxes: sameBatchAxis,
  };
  const onnx: OnnxImport = {
    type: name,
    attributes: {},
    translate: (node: ImportNode) => [{ op: name, inputs: node.inputs, outputs: node.outputs, attributes: {} }],
  };
  return { onnx, operator };
}
