import { type Graph, type Node, producersOf, readersOf, type Value, valueOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { integersOf } from "../ops/integers.ts";
import { operatorOf } from "../ops/mod.ts";
import type { PadAttributes } from "../ops/pad.ts";
import { INPUT } from "../ops/recurrent_node.ts";
import type { SliceAttributes } from "../ops/slice.ts";
import type { Shape } from "../tensor/shape.ts";
import { firstPatch, freshName, type Pass } from "./pass.ts";

/** Place of the output that holds all cell states, where the cell has some. */
const CELLS = 3;

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  return firstPatch(graph, (node) => {
    const length = operatorOf(node.op).quantization === "recurrent" ? commonLength(graph, node) : undefined;
    if (length === undefined) return undefined;
    const [steps] = valueOf(graph, node.inputs[INPUT.gates]).shape;
    const whole = { ...node, inputs: node.inputs.with(INPUT.lengths, "") };
    if (length === steps) return { remove: [node], add: [whole] };
    const product = producers.get(node.inputs[INPUT.gates]);
    const isAlone = product !== undefined && readers.get(product.outputs[0])!.length === 1 &&
      !graph.outputs.includes(product.outputs[0]);
    return isAlone ? shortened(graph, product, node, whole, length) : undefined;
  });
}

/** The length of all sequences where it is constant, the same and not 0. */
function commonLength(graph: Graph, node: Node): number | undefined {
  const name = node.inputs[INPUT.lengths];
  const constant = name ? valueOf(graph, name).constant : undefined;
  const lengths = constant && new Set(integersOf(constant));
  const [length] = lengths ?? [];
  return lengths?.size === 1 && length > 0 ? length : undefined;
}

/** The product and the recurrence over the first `length` steps, zeros behind them. */
function shortened(graph: Graph, product: Node, node: Node, whole: Node, length: number): Patch {
  const ofSteps = (name: string): Value => {
    const value = valueOf(graph, name);
    return { ...value, shape: value.shape.with(0, length) };
  };
  const [x, y] = [product.inputs[0], node.outputs[0]];
  const first: Value = { ...ofSteps(x), name: freshName(graph, `${node.name}.X`) };
  const short: Value = { ...ofSteps(y), name: freshName(graph, `${y}.steps`) };
  const cells = node.outputs[CELLS];
  const slice: SliceAttributes = { starts: zeros(first.shape), steps: first.shape.map(() => 1), extents: first.shape };
  const behind = zeros(short.shape).with(0, valueOf(graph, y).shape[0] - length);
  const pad: PadAttributes = { before: zeros(short.shape), after: behind, value: 0 };
  return {
    remove: [product, node],
    add: [
      { name: first.name, op: "Slice", inputs: [x], outputs: [first.name], attributes: { ...slice } },
      { ...product, inputs: product.inputs.with(0, first.name) },
      { ...whole, outputs: node.outputs.with(0, short.name) },
      { name: `${y}.Pad`, op: "Pad", inputs: [short.name], outputs: [y], attributes: { ...pad } },
    ],
    values: [first, short, ofSteps(product.outputs[0]), ...cells ? [ofSteps(cells)] : []],
  };
}

function zeros(shape: Shape): number[] {
  return shape.map(() => 0);
}

export const constant_lengths: Pass = {
  name: "constant-lengths",
  description: "a recurrence whose sequences all have the same constant length is computed for so many steps",
  rewrite,
};
