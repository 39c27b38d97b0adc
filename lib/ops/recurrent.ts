import type { Value } from "../ir/graph.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Cost, OnnxImport, Operator, OperatorSample } from "./operator.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";
import { recurrentImport } from "./recurrent_import.ts";
import { extentsOf, inferRecurrent, INPUT, type RecurrentAttributes } from "./recurrent_node.ts";
import { recurrentDerivatives, recurrentForward } from "./recurrent_sequence.ts";

/** The operator of a cell and its ONNX type; with `integers` it has an integer form. */
export function recurrentOperator(
  cell: RecurrentCell,
  integers?: Required<Pick<Operator<RecurrentAttributes>, "withoutIntegers" | "lower">>,
): { onnx: OnnxImport; operator: Operator<RecurrentAttributes> } {
  const forward = recurrentForward(cell);
  const operator: Operator<RecurrentAttributes> = {
    name: cell.name,
    infer: (node, inputs) => inferRecurrent(cell, node, inputs),
    forward,
    forwardChanged: forward,
    lowerProducts: (weights, [rows, hidden]) =>
      Array.from({ length: rows / hidden }, (_, gate) => ({
        kind: "float_product",
        rows: hidden,
        columns: hidden,
        weights: weights.subarray(gate * hidden * hidden, (gate + 1) * hidden * hidden),
      })),
    derivatives: recurrentDerivatives(cell),
    quantization: integers ? "recurrent" : "float",
    ...integers,
    samples: samplesOf(cell),
    states: [INPUT.h, INPUT.c].slice(0, cell.states).map((input, i) => ({ input, output: 1 + i })),
    batchAxes(_node, axes) {
      const fits = axes.every((axis, input) => axis === undefined || axis === (input === INPUT.gates ? 1 : 0));
      if (!fits) return undefined;
      return cell.states === 2 ? [1, 0, 0, 1] : [1, 0];
    },
    cost: (_node, inputs) => costOf(inputs),
  };
  return { onnx: recurrentImport(cell), operator };
}

/** Multiplications with R; the elementwise ones are not counted. */
function costOf([gates, r]: readonly (Value | undefined)[]): Cost {
  const { steps, batch } = extentsOf(gates!.shape, r!.shape);
  const parameters = sizeOf(r!.shape);
  return { macs: steps * batch * parameters, parameters };
}

/** T = 3, H = 2: every input, backward with the cell's variant, and forward with a length and clipping. */
function samplesOf(cell: RecurrentCell): OperatorSample<RecurrentAttributes>[] {
  const rows = cell.gates * 2;
  const plain: RecurrentAttributes = {
    isReverse: false,
    activations: cell.activations,
    clip: Infinity,
    variant: false,
  };
  const weights: Shape[] = [[rows, 2], [rows]];
  const states = (shape: Shape): Shape[] => Array.from({ length: cell.states }, () => shape);
  const lengths = (...values: number[]) => ({
    [INPUT.lengths]: { dtype: "i32" as const, shape: [values.length], data: Int32Array.from(values) },
  });
  return [
    {
      attributes: plain,
      inputs: [[3, 2, rows], ...weights, [2], ...states([2, 2]), ...cell.hasPeepholes ? [[6]] : []],
      integers: lengths(3, 2),
    },
    { attributes: { ...plain, isReverse: true, variant: true }, inputs: [[3, 1, rows], ...weights] },
    {
      attributes: { ...plain, clip: 4 },
      inputs: [[3, 1, rows], ...weights, [1], ...states([1, 2])],
      integers: lengths(3),
    },
  ];
}
