import type { Node, Value } from "../ir/graph.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName } from "./activation_functions.ts";
import type { AttributeSpec, Cost, ImportNode, NodeDraft, OnnxImport, Operator, OperatorSample } from "./operator.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";
import { DIRECTIONS, extentsOf, inferRecurrent, INPUT, type RecurrentAttributes } from "./recurrent_node.ts";
import { recurrentDerivatives, recurrentForward } from "./recurrent_sequence.ts";

/** The operator of a cell and its ONNX type. */
export function recurrentOperator(
  cell: RecurrentCell,
): { onnx: OnnxImport; operator: Operator<RecurrentAttributes> } {
  const operator: Operator<RecurrentAttributes> = {
    name: cell.name,
    infer: (node, inputs) => inferRecurrent(cell, node, inputs),
    forward: recurrentForward(cell),
    derivatives: recurrentDerivatives(cell),
    quantization: "float",
    samples: samplesOf(cell),
    batchAxes({ attributes: { batchFirst } }, axes) {
      const expected = (input: number): number => batchFirst || input === INPUT.lengths ? 0 : 1;
      if (axes.some((axis, input) => axis !== undefined && axis !== expected(input))) return undefined;
      return batchFirst ? [0, 0, 0].slice(0, 1 + cell.states) : [2, 1, 1].slice(0, 1 + cell.states);
    },
    cost: (node, inputs) => costOf(node, inputs),
  };
  return { onnx: importOf(cell), operator };
}

function importOf(cell: RecurrentCell): OnnxImport {
  const attributes: Record<string, AttributeSpec> = {
    activations: { type: "strings" },
    activation_alpha: { type: "floats" },
    activation_beta: { type: "floats" },
    clip: { type: "float" },
    direction: { type: "string" },
    hidden_size: { type: "int" },
    layout: { type: "int", since: 14 },
    ...cell.variant && { [cell.variant]: { type: "int" } },
  };
  return {
    type: cell.name,
    attributes,
    outputs: 1 + cell.states,
    translate(node: ImportNode): NodeDraft[] {
      const { clip = Infinity, layout = 0, hidden_size } = node.attributes as Record<string, number>;
      const { direction = "forward" } = node.attributes as Partial<RecurrentAttributes>;
      if (!DIRECTIONS.includes(direction)) {
        node.fail(`direction is ${JSON.stringify(direction)}, expected one of ${DIRECTIONS.join(", ")}`);
      }
      if (layout !== 0 && layout !== 1) node.fail(`layout is ${layout}, expected 0 or 1`);
      if (!(clip > 0)) node.fail(`clip is ${clip}, expected a positive number`);
      const hidden = node.input(INPUT.r)?.shape[2];
      if (hidden_size !== undefined && hidden !== undefined && hidden_size !== hidden) {
        node.fail(`hidden_size is ${hidden_size}, the recurrence weight R has ${hidden} columns`);
      }
      const attributes: RecurrentAttributes = {
        direction,
        activations: activationsOf(cell, node, direction === "bidirectional" ? 2 : 1),
        clip,
        batchFirst: layout === 1,
        variant: cell.variant !== undefined && (node.attributes[cell.variant] ?? 0) !== 0,
      };
      const outputs = Array.from(
        { length: 1 + cell.states },
        (_, i) => node.outputs[i] || node.temporary(["Y", "Y_h", "Y_c"][i]),
      );
      return [{ op: cell.name, inputs: node.inputs, outputs, attributes: { ...attributes } }];
    },
  };
}

function activationsOf(cell: RecurrentCell, node: ImportNode, directions: number): ActivationName[] {
  const defaults = Array.from({ length: directions }, () => cell.activations).flat();
  const names = node.attributes.activations as string[] | undefined ?? defaults;
  if (names.length !== defaults.length) {
    node.fail(`attribute activations lists ${names.length} functions, expected ${defaults.length}`);
  }
  return names.map((name) => {
    if (Object.hasOwn(ACTIVATION_FUNCTIONS, name)) return name as ActivationName; // it is one of the table's keys
    return node.fail(
      `activation ${JSON.stringify(name)} is not supported, expected ${Object.keys(ACTIVATION_FUNCTIONS).join(", ")}`,
    );
  });
}

/** Multiplications with W and R; the elementwise ones are not counted. */
function costOf(node: Node<RecurrentAttributes>, [x, w, r]: readonly (Value | undefined)[]): Cost {
  const { steps, batch } = extentsOf(node, x!.shape, r!.shape);
  const parameters = sizeOf(w!.shape) + sizeOf(r!.shape);
  return { macs: steps * batch * parameters, parameters };
}

/** T = 3, I = 3, H = 2: every input in both directions, one direction with the cell's variant, and batch first. */
function samplesOf(cell: RecurrentCell): OperatorSample<RecurrentAttributes>[] {
  const rows = cell.gates * 2;
  const plain: RecurrentAttributes = {
    direction: "forward",
    activations: cell.activations,
    clip: Infinity,
    batchFirst: false,
    variant: false,
  };
  const weights = (directions: number): Shape[] => [
    [directions, rows, 3],
    [directions, rows, 2],
    [directions, 2 * rows],
  ];
  const states = (shape: Shape): Shape[] => Array.from({ length: cell.states }, () => shape);
  const lengths = (...values: number[]) => ({
    [INPUT.lengths]: { dtype: "i32" as const, shape: [values.length], data: Int32Array.from(values) },
  });
  return [
    {
      attributes: { ...plain, direction: "bidirectional", activations: [...cell.activations, ...cell.activations] },
      inputs: [[3, 2, 3], ...weights(2), [2], ...states([2, 2, 2]), ...cell.hasPeepholes ? [[2, 6]] : []],
      integers: lengths(3, 2),
    },
    { attributes: { ...plain, direction: "reverse", variant: true }, inputs: [[3, 1, 3], ...weights(1)] },
    {
      attributes: { ...plain, batchFirst: true, clip: 4 },
      inputs: [[1, 3, 3], ...weights(1), [1], ...states([1, 1, 2])],
      integers: lengths(3),
    },
  ];
}
