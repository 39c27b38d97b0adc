import type { Node, Value, ValueType } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
import type { ActivationName } from "./activation_functions.ts";
import { requireFloat } from "./float_operands.ts";
import { nodeError } from "./operator_error.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";

/**
 * A recurrence over time in one direction: what is left of a recurrent layer of ONNX once x W^T + Wb of all steps has been
 * computed. T steps, N sequences, H hidden, G gates of the cell.
 *
 * Inputs: the gates' inputs x W^T + Wb [T, N, G H], R [G H, H], optional Rb [G H], lengths of the sequences [N] (int32),
 * states before the first step [N, H] (h, of an LSTM c too), and of an LSTM peepholes P [3 H]. Outputs: Y [T, N, H], the
 * states after the last step [N, H], and of an LSTM all cell states [T, N, H]. Steps behind the end of a sequence give 0
 * in Y; a reverse recurrence begins at its last step.
 */
export interface RecurrentAttributes {
  readonly isReverse: boolean;
  /** In the order of `RecurrentCell.activations`. */
  readonly activations: readonly ActivationName[];
  /** Arguments of activations are clamped to [-clip, clip]. */
  readonly clip: number;
  /** The variant of the cell's equations, where it has one. */
  readonly variant: boolean;
}

/** Extents of a recurrent node. */
export interface RecurrentExtents {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
}

/**
 * Places of the inputs. No node has the last, which derivatives are taken by: what is added to h after every step, [T, N, H].
 */
export const INPUT = { gates: 0, r: 1, bias: 2, lengths: 3, h: 4, c: 5, p: 6, added: 7 } as const;

/** Extents of a node whose gates' inputs and R have these shapes. */
export function extentsOf([steps, batch]: Shape, [, hidden]: Shape): RecurrentExtents {
  return { steps, batch, hidden };
}

/** Output types. @throws DyadError naming the node and the input whose shape or type does not fit. */
export function inferRecurrent(
  cell: RecurrentCell,
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): ValueType[] {
  const [gates, r] = inputs;
  requireFloat(node, inputs.map((value, i) => i === INPUT.lengths ? undefined : value));
  if (gates!.shape.length !== 3 || r?.shape.length !== 2) {
    throw nodeError(node, `the gates have shape [${gates!.shape}] and R [${r?.shape}], expected three and two axes`);
  }
  const { steps, batch, hidden } = extentsOf(gates!.shape, r.shape);
  const rows = cell.gates * hidden;
  const expected: readonly (readonly [string, Shape])[] = [
    ["the gates", [steps, batch, rows]],
    ["R", [rows, hidden]],
    ["Rb", [rows]],
    ["sequence_lens", [batch]],
    ["initial_h", [batch, hidden]],
    ["initial_c", [batch, hidden]],
    ["P", [3 * hidden]],
  ];
  inputs.forEach((value, i) => {
    const [name, shape] = expected[i];
    if (value && value.shape.join() !== shape.join()) {
      throw nodeError(node, `${name} (${value.name}) has shape [${value.shape}], expected [${shape}]`);
    }
  });
  const lengths = inputs[INPUT.lengths];
  if (lengths && lengths.dtype !== "i32") {
    throw nodeError(node, `sequence_lens (${lengths.name}) holds ${lengths.dtype}, expected int32`);
  }
  const sequence = [steps, batch, hidden];
  const state = [batch, hidden];
  const shapes: Shape[] = cell.states === 2 ? [sequence, state, state, sequence] : [sequence, state];
  return shapes.map((shape) => ({ dtype: "f32", shape }));
}
