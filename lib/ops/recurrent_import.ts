import { type Shape, sizeOf } from "../tensor/shape.ts";
import { tensor } from "../tensor/tensor.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName } from "./activation_functions.ts";
import { UNBOUNDED } from "./clamp_bounds.ts";
import { floatConstant } from "./float_operands.ts";
import type { AttributeSpec, ImportNode, NodeDraft, OnnxImport } from "./operator.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";
import type { RecurrentAttributes } from "./recurrent_node.ts";

const DIRECTIONS = ["forward", "reverse", "bidirectional"];

/** Places of ONNX's inputs: X, W, R, B, sequence_lens, initial_h, initial_c, P. */
const ONNX_INPUT = { x: 0, w: 1, r: 2, b: 3, lengths: 4, h: 5, c: 6, p: 7 } as const;

/** Extents of a node of ONNX, checked. */
interface Layout {
  readonly directions: number;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly rows: number;
  /** N is the first axis of activations: X [N, T, I], states [N, D, H], Y [N, T, D, H]. */
  readonly batchFirst: boolean;
}

/**
 * How a recurrent node of ONNX enters the graph: for each direction a Gemm of all steps, `<name>.W`, and the recurrence,
 * which keeps the node's name (`recurrent_node.ts`); two directions are `<name>.forward` and `<name>.reverse`, joined by a
 * Concat. Both matrices so are layers of their own. X [T, N, I], W [D, G H, I], R [D, G H, H], optional B [D, 2 G H] (Wb,
 * then Rb), sequence lengths [N] (int32), initial states [D, N, H], P [D, 3 H]; Y [T, D, N, H], last states [D, N, H].
 * W, R, B and P are constants.
 */
export function recurrentImport(cell: RecurrentCell): OnnxImport {
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
  return { type: cell.name, attributes, outputs: 1 + cell.states, translate: (node) => translate(cell, node) };
}

function translate(cell: RecurrentCell, node: ImportNode): NodeDraft[] {
  const { clip = Infinity, layout = 0, hidden_size } = node.attributes as Record<string, number>;
  const { direction = "forward" } = node.attributes as { direction?: string };
  if (!DIRECTIONS.includes(direction)) {
    node.fail(`direction is ${JSON.stringify(direction)}, expected one of ${DIRECTIONS.join(", ")}`);
  }
  if (layout !== 0 && layout !== 1) node.fail(`layout is ${layout}, expected 0 or 1`);
  if (!(clip > 0)) node.fail(`clip is ${clip}, expected a positive number`);
  const hidden = node.input(ONNX_INPUT.r)?.shape[2];
  if (hidden_size !== undefined && hidden !== undefined && hidden_size !== hidden) {
    node.fail(`hidden_size is ${hidden_size}, the recurrence weight R has ${hidden} columns`);
  }
  const extents = layoutOf(cell, node, direction === "bidirectional" ? 2 : 1, layout === 1);
  const activations = activationsOf(cell, node, extents.directions);
  const variant = cell.variant !== undefined && (node.attributes[cell.variant] ?? 0) !== 0;
  const { batchFirst, directions } = extents;
  const drafts: NodeDraft[] = [];
  let x = node.inputs[ONNX_INPUT.x];
  if (batchFirst) {
    const transposed = node.temporary("X");
    drafts.push(transpose(node, x, transposed));
    x = transposed;
  }
  const results = Array.from({ length: directions }, (_, d) => {
    const attributes: RecurrentAttributes = {
      isReverse: direction === "reverse" || d === 1,
      activations: activations.slice(d * cell.activations.length, (d + 1) * cell.activations.length),
      clip,
      variant,
    };
    const label = directions === 1 ? "" : d === 0 ? "forward" : "reverse";
    const { nodes, outputs } = oneDirection(cell, node, extents, { x, d, label, attributes });
    drafts.push(...nodes);
    return outputs;
  });
  drafts.push(...joined(cell, node, extents, results));
  return drafts;
}

/** @throws DyadError naming the node and the input that is missing, or whose shape does not fit. */
function layoutOf(cell: RecurrentCell, node: ImportNode, directions: number, batchFirst: boolean): Layout {
  const [x, w, r] = [ONNX_INPUT.x, ONNX_INPUT.w, ONNX_INPUT.r].map((index) => node.input(index));
  if (w === undefined || r === undefined) node.fail("its weights W and R are missing");
  if (x!.shape.length !== 3 || r.shape.length !== 3) {
    node.fail(`X has shape [${x!.shape}] and R [${r.shape}], expected three axes`);
  }
  const [steps, batch] = batchFirst ? [x!.shape[1], x!.shape[0]] : x!.shape;
  const [features, hidden] = [x!.shape[2], r.shape[2]];
  const rows = cell.gates * hidden;
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
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
  if (node.inputs.length > allowed) node.fail(`found ${node.inputs.length} inputs, expected at most ${allowed}`);
  node.inputs.forEach((name, i) => {
    const value = name === "" ? undefined : node.input(i);
    const [role, shape] = expected[i];
    if (value && value.shape.join() !== shape.join()) {
      node.fail(`${role} (${value.name}) has shape [${value.shape}], expected [${shape}]`);
    }
  });
  return { directions, steps, batch, hidden, rows, batchFirst };
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

/** One direction of a node: number `d`, over X with time first. */
interface Direction {
  readonly x: string;
  readonly d: number;
  /** Part of the names of its nodes, "" where there is only one. */
  readonly label: string;
  readonly attributes: RecurrentAttributes;
}

/** The Gemm and the recurrence of one direction. `outputs` are Y [T, N, H] and the last states [N, H]. */
function oneDirection(
  cell: RecurrentCell,
  node: ImportNode,
  layout: Layout,
  { x, d, label, attributes }: Direction,
): { nodes: NodeDraft[]; outputs: string[] } {
  const { directions, batch, hidden, rows, batchFirst } = layout;
  const named = (suffix: string): string => label === "" ? suffix : `${label}.${suffix}`;
  const name = label === "" ? node.name : `${node.name}.${label}`;
  const hasInput = (index: number): boolean => node.input(index) !== undefined;
  /** Elements of direction `d` in a constant, from `start` on. */
  const constant = (index: number, what: string, shape: Shape, start = 0): string => {
    const { data } = floatConstant(node, index, what);
    const from = d * data.length / directions + start;
    return node.addConstant(named(what), tensor("f32", shape, data.subarray(from, from + sizeOf(shape))));
  };
  const nodes: NodeDraft[] = [];
  const state = (index: number, what: string): string => {
    if (!hasInput(index)) return "";
    let source = node.inputs[index];
    if (directions > 1) {
      const axis = batchFirst ? 1 : 0;
      const { shape } = node.input(index)!;
      const starts = shape.map((_, i) => i === axis ? d : 0);
      const extents = shape.with(axis, 1);
      const part = node.temporary(named(`${what}.part`));
      const slice = { starts, steps: shape.map(() => 1), extents };
      nodes.push({ op: "Slice", name: part, inputs: [source], outputs: [part], attributes: slice });
      source = part;
    }
    const flat = node.temporary(named(what));
    nodes.push(reshape(source, flat, [batch, hidden]));
    return flat;
  };
  const gates = node.temporary(named("gates"));
  const hasBias = hasInput(ONNX_INPUT.b);
  const weight = constant(ONNX_INPUT.w, "W", [rows, node.input(ONNX_INPUT.w)!.shape[2]]);
  nodes.push({
    op: "Gemm",
    name: `${name}.W`,
    inputs: [x, weight, ...hasBias ? [constant(ONNX_INPUT.b, "Wb", [rows])] : []],
    outputs: [gates],
    attributes: { ...UNBOUNDED },
  });
  const outputs = ["Y", "Y_h", ...cell.states === 2 ? ["Y_c", "C"] : []].map((what) => node.temporary(named(what)));
  const inputs = [
    gates,
    constant(ONNX_INPUT.r, "R", [rows, hidden]),
    hasBias ? constant(ONNX_INPUT.b, "Rb", [rows], rows) : "",
    hasInput(ONNX_INPUT.lengths) ? node.inputs[ONNX_INPUT.lengths] : "",
    state(ONNX_INPUT.h, "h"),
    cell.states === 2 ? state(ONNX_INPUT.c, "c") : "",
    cell.hasPeepholes && hasInput(ONNX_INPUT.p) ? constant(ONNX_INPUT.p, "P", [3 * hidden]) : "",
  ];
  nodes.push({ op: cell.name, name, inputs, outputs, attributes: { ...attributes } });
  return { nodes, outputs: outputs.slice(0, 1 + cell.states) };
}

/** The outputs of the node, as ONNX shapes them, from those of its directions. */
function joined(
  cell: RecurrentCell,
  node: ImportNode,
  { steps, batch, hidden, batchFirst, directions }: Layout,
  results: readonly (readonly string[])[],
): NodeDraft[] {
  return Array.from({ length: 1 + cell.states }, (_, o) => o).flatMap((o) => {
    if (!node.outputs[o]) return [];
    const suffix = ["Y", "Y_h", "Y_c"][o];
    const shape = o > 0
      ? (batchFirst ? [batch, 1, hidden] : [1, batch, hidden])
      : (batchFirst ? [batch, steps, 1, hidden] : [steps, 1, batch, hidden]);
    const axis = (o > 0 ? 0 : 1) + (batchFirst ? 1 : 0);
    const drafts: NodeDraft[] = [];
    const parts = results.map((outputs) => {
      let source = outputs[o];
      if (o === 0 && batchFirst) {
        const swapped = node.temporary("Y.batch_first");
        drafts.push(transpose(node, source, swapped));
        source = swapped;
      }
      const target = directions === 1 ? node.outputs[o] : node.temporary(`${suffix}.part`);
      drafts.push(reshape(source, target, shape));
      return target;
    });
    if (directions > 1) {
      const concat = { op: "Concat", inputs: parts, outputs: [node.outputs[o]], attributes: { axis } };
      drafts.push({ ...concat, name: `${node.name}.${suffix}` });
    }
    return drafts;
  });
}

/** [T, N, ...] and [N, T, ...], one from the other. */
function transpose(node: ImportNode, input: string, output: string): NodeDraft {
  return {
    op: "Transpose",
    name: `${node.name}.Transpose`,
    inputs: [input],
    outputs: [output],
    attributes: { permutation: [1, 0, 2] },
  };
}

function reshape(input: string, output: string, shape: Shape): NodeDraft {
  return { op: "Reshape", name: `${output}.Reshape`, inputs: [input], outputs: [output], attributes: { shape } };
}
