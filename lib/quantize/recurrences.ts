import { ANY_BITS, type Calibration } from "../format/calibration.ts";
import { inputError } from "../format/error.ts";
import { type Graph, type Node, readersOf, type Value, valueOf } from "../ir/graph.ts";
import { prune } from "../ir/patch.ts";
import { operatorOf } from "../ops/mod.ts";
import type { SliceAttributes } from "../ops/slice.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import { type GraphState, statesOf } from "../ops/states.ts";

/** A graph whose recurrences give nothing but Y, and which of them go on with their states. */
export interface PreparedRecurrences {
  readonly graph: Graph;
  /** By node: its states, in the order of its inputs; of nodes that have some. */
  readonly carried: ReadonlyMap<string, readonly GraphState[]>;
  /** By node: constant states other than 0 before the first step, h and then c; of nodes that have some. */
  readonly first: ReadonlyMap<string, readonly (FloatTensor | undefined)[]>;
  /** By node: the value that holds the states which are held in 16 bits, cell states or Y. */
  readonly cells: ReadonlyMap<string, string>;
}

/** Places of the outputs of a recurrence of two states (lib/ops/recurrent_node.ts). */
const [LAST_STATE, LAST_CELL, CELLS] = [1, 2, 3];

/**
 * States that are inputs and outputs of the graph become the integer network's own: they leave the graph. Constant initial
 * states leave it too. Where another node reads the last h, it reads the last step of Y.
 * @throws DyadError (input) for a node that begins with a computed state or with only one of its states, and for one whose
 * last cell state is read.
 */
export function prepareRecurrences(graph: Graph): PreparedRecurrences {
  const carried = Map.groupBy(statesOf(graph), ({ node }) => node);
  const states = [...carried.values()].flat();
  const open = prune({
    ...graph,
    inputs: graph.inputs.filter((name) => states.every(({ input }) => input !== name)),
    outputs: graph.outputs.filter((name) => states.every(({ output }) => output !== name)),
    nodes: graph.nodes.map((node) =>
      isRecurrent(node) ? withoutStates(graph, node, carried.get(node.name) ?? []) : node
    ),
  });
  const readers = readersOf(open);
  const isRead = (name: string): boolean => readers.has(name) || open.outputs.includes(name);
  const values = new Map(open.values);
  const cells = new Map<string, string>();
  const nodes = open.nodes.flatMap((node) => {
    if (!isRecurrent(node)) return [node];
    const { outputs } = node;
    if (isRead(outputs[LAST_CELL])) {
      throw inputError(
        `node ${node.name} (${node.op}): its last cell state ${outputs[LAST_CELL]} is read; expected only h`,
      );
    }
    cells.set(node.name, outputs[CELLS] ?? outputs[0]);
    const bare = { ...node, outputs: [outputs[0]] };
    return isRead(outputs[LAST_STATE]) ? [bare, ...lastStep(open, node, values)] : [bare];
  });
  return { graph: { ...open, nodes, values }, carried, first: constantStates(graph), cells };
}

/**
 * The largest magnitude of a recurrence's cell states, or of Y, that calibration saw.
 * @throws DyadError (input) for a calibration that does not say.
 */
export function largestCell({ tensors }: Pick<Calibration, "tensors">, { name, op }: Node, cells: string): number {
  const found = tensors.find((tensor) => tensor.name === cells);
  const range = found?.ranges["min-max"]?.[ANY_BITS];
  const [min, max] = [found?.min ?? range?.min, found?.max ?? range?.max];
  if (min !== undefined && max !== undefined) return Math.max(-min, max);
  throw inputError(
    `node ${name} (${op}): the calibration holds no smallest and largest value of its states ${cells}; ` +
      `calibrate the model again`,
  );
}

function constantStates(graph: Graph): Map<string, (FloatTensor | undefined)[]> {
  const found = graph.nodes.filter(isRecurrent).map((node) => {
    const states = operatorOf(node.op).states!.map(({ input }) => {
      const constant = node.inputs[input] ? valueOf(graph, node.inputs[input]).constant : undefined;
      return constant?.data.some((value) => value !== 0) ? constant as FloatTensor : undefined; // states are float
    });
    return [node.name, states] as const;
  });
  return new Map(
    found.filter(([, states]) => states.some((state) => state !== undefined)).map(([name, s]) => [name, [...s]]),
  );
}

function isRecurrent({ op }: Node): boolean {
  return operatorOf(op).quantization === "recurrent";
}

/** The node without the inputs that hold its initial states. */
function withoutStates(graph: Graph, node: Node, carried: readonly GraphState[]): Node {
  const places = operatorOf(node.op).states!.map(({ input }) => input);
  if (carried.length !== 0 && carried.length !== places.length) {
    throw inputError(
      `node ${node.name} (${node.op}): found the state ${carried[0].input} alone, expected all of its states`,
    );
  }
  const computed = places.find((place) =>
    node.inputs[place] && valueOf(graph, node.inputs[place]).constant === undefined &&
    carried.every((state) => state.place !== place)
  );
  if (computed !== undefined) {
    throw inputError(
      `node ${node.name} (${node.op}): begins with ${
        node.inputs[computed]
      }, expected zeros, or an input of the model ` +
        `whose value after all steps is an output`,
    );
  }
  return { ...node, inputs: node.inputs.map((name, i) => places.includes(i) ? "" : name) };
}

/** Nodes that make the last state [N, H] of Y [T, N, H]. */
function lastStep(graph: Graph, node: Node, values: Map<string, Value>): Node[] {
  const [y, last] = node.outputs;
  const { shape, dtype } = valueOf(graph, y);
  const isReverse = node.attributes.isReverse as boolean; // a recurrence has it
  const step = `${last}.step`;
  const slice: SliceAttributes = {
    starts: [isReverse ? 0 : shape[0] - 1, 0, 0],
    steps: [1, 1, 1],
    extents: [1, ...shape.slice(1)],
  };
  values.set(step, { name: step, dtype, shape: slice.extents });
  return [
    { name: step, op: "Slice", inputs: [y], outputs: [step], attributes: { ...slice } },
    { name: last, op: "Reshape", inputs: [step], outputs: [last], attributes: { shape: shape.slice(1) } },
  ];
}
