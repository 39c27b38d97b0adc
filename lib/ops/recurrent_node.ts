import type { Node, Value, ValueType } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
import type { ActivationName } from "./activation_functions.ts";
import { requireFloat } from "./float_operands.ts";
import { nodeError } from "./operator_error.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";

export const DIRECTIONS = ["forward", "reverse", "bidirectional"] as const;

/**
 * A recurrent layer over time. Inputs, T steps, N sequences, I features, H hidden, D directions, G gates of the cell:
 * X [T, N, I], W [D, G H, I], R [D, G H, H], optional B [D, 2 G H] (Wb, then Rb), sequence lengths [N] (int32), initial
 * states [D, N, H], and for an LSTM peepholes P [D, 3 H]. Outputs: Y [T, D, N, H] and the last states [D, N, H]. With
 * `batchFirst` N is the first axis of activations: X [N, T, I], states [N, D, H], Y [N, T, D, H]. Steps behind the end of
 * a sequence give 0 in Y; the backward direction begins at its last step.
 */
export interface RecurrentAttributes {
  readonly direction: typeof DIRECTIONS[number];
  /** Of the first direction, then of the second. */
  readonly activations: readonly ActivationName[];
  /** Arguments of activations are clamped to [-clip, clip]. */
  readonly clip: number;
  readonly batchFirst: boolean;
  /** The variant of the cell's equations, where it has one. */
  readonly variant: boolean;
}

/** Extents of a recurrent node. */
export interface RecurrentExtents {
  readonly steps: number;
  readonly batch: number;
  readonly features: number;
  readonly hidden: number;
  readonly directions: number;
}

/** Places of the inputs. */
export const INPUT = { x: 0, w: 1, r: 2, b: 3, lengths: 4, h: 5, c: 6, p: 7 } as const;

/** Extents of a node whose X and R have these shapes. */
export function extentsOf(
  { attributes: { batchFirst, direction } }: Node<RecurrentAttributes>,
  x: Shape,
  r: Shape,
): RecurrentExtents {
  const [steps, batch] = batchFirst ? [x[1], x[0]] : x;
  return { steps, batch, features: x[2], hidden: r[2], directions: direction === "bidirectional" ? 2 : 1 };
}

/** Output types. @throws DyadError naming the node and the input whose shape or type does not fit. */
export function inferRecurrent(
  cell: RecurrentCell,
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): ValueType[] {
  const [x, w, r] = inputs;
  if (w === undefined || r === undefined) throw nodeError(node, "its weights W and R are missing");
  requireFloat(node, inputs.map((value, i) => i === INPUT.lengths ? undefined : value));
  if (x!.shape.length !== 3 || r.shape.length !== 3) {
    throw nodeError(node, `X has shape [${x!.shape}] and R [${r.shape}], expected three axes`);
  }
  const { steps, batch, features, hidden, directions } = extentsOf(node, x!.shape, r.shape);
  const { batchFirst } = node.attributes;
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const rows = cell.gates * hidden;
  const expected: readonly (readonly [string, Shape])[] = [
    ["X", x!.shape],
    ["W", [directions, rows, features]],
    ["R", [directions, rows, hidden]],
    ["B", [directions, 2 * rows]],
    ["sequence_lens", [batch]],
    ["initial_h", state],
    ["initial_c", state],
    ["P", [directions, 3 * hidden]],
  ];
  const allowed = cell.hasPeepholes ? 8 : cell.states === 2 ? 7 : 6;
  if (inputs.length > allowed) throw nodeError(node, `found ${inputs.length} inputs, expected at most ${allowed}`);
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
  const y = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const shapes: Shape[] = [y, ...Array.from({ length: cell.states }, () => state)];
  return shapes.map((shape) => ({ dtype: "f32", shape }));
}
