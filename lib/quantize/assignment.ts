import { type CandidateBits, integerActivationBits } from "../format/plan.ts";
import { inputError } from "../format/error.ts";
import { type Graph, type Node, readersOf } from "../ir/graph.ts";
import { accumulatorValues } from "../ops/held_values.ts";
import { operatorOf } from "../ops/mod.ts";
import { WIDE_BITS } from "./dynamic_layers.ts";

/** In which integer forms a value of the float graph exists in the integer network. */
export interface ValueForms {
  /** It stays the int32 accumulator of its layer, with one scale per channel. */
  readonly accumulator: boolean;
  /** Bits of its stored forms, widest first: the first is written by its producer, the others requantized from it. */
  readonly bits: readonly number[];
  /** The value whose range sets scale and zero point of all values that share them. */
  readonly rangeOf: string;
}

export interface AssignmentOptions {
  /** Bits of every layer by name. */
  readonly layers: ReadonlyMap<string, CandidateBits>;
  /** Bits of the summands of a residual addition that are not accumulators: 8 or 16. */
  readonly residualBits: number;
  /** The layers that read their input wide. */
  readonly dynamic: ReadonlySet<string>;
  /** Width of a value, to choose the widest of those that share parameters. */
  width(value: string): number;
}

/** Bits of activations that no layer reads: sums, pools, concatenations. */
const PLAIN_BITS = 8;

/**
 * Decides for every computed value (and the input) of a canonical graph how it is held. Demands come from readers: a
 * layer wants its input at its activation bits, an addition takes an accumulator as it is, everything else 8 bits. What a
 * recurrence gives is what it goes on with: it has the bits of that layer, or fewer.
 * Operators that only move or compare integers (MaxPool, Reshape) pass demands on, and share one set of parameters; so do
 * a concatenation and the inputs that only it reads, which then needs no rescaling.
 */
export function assignForms(graph: Graph, options: AssignmentOptions): Map<string, ValueForms> {
  const readers = readersOf(graph);
  const sharing = shareParameters(graph, readers);
  const demands = new Map<string, Set<number>>();
  const accumulators = accumulatorValues(graph);
  /** Of the sets that hold the results of recurrences, the bits of these: wider ones do not exist. */
  const recurrent = new Map<string, number>();

  function demand(value: string, bits: number): void {
    const root = sharing.find(value);
    if (!demands.has(root)) demands.set(root, new Set());
    demands.get(root)!.add(bits);
  }
  for (const node of graph.nodes) {
    const { quantization } = operatorOf(node.op);
    if (quantization === "weighted" || quantization === "recurrent") {
      const bits = options.layers.get(node.name);
      if (bits === undefined) throw inputError(`layer ${node.name}: has no bits in the plan`);
      if (options.dynamic.has(node.name)) demand(node.inputs[0], WIDE_BITS);
      else if (quantization === "weighted") demand(node.inputs[0], integerActivationBits(bits));
      else recurrent.set(sharing.find(node.outputs[0]), integerActivationBits(bits));
    } else if (quantization !== "sharing") {
      const bits = quantization === "summing" ? options.residualBits : PLAIN_BITS;
      for (const input of node.inputs) {
        if (graph.values.get(input)?.dtype !== "f32") continue;
        const isRescaled = sharing.find(input) !== sharing.find(node.outputs[0]);
        if (isRescaled && !accumulators.has(input)) demand(input, bits);
      }
    }
  }
  const widest = new Map<string, string>();
  for (const name of sharing.members()) {
    const root = sharing.find(name);
    const known = widest.get(root);
    if (known === undefined || options.width(name) > options.width(known)) widest.set(root, name);
  }
  const forms = new Map<string, ValueForms>();
  for (const name of [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)]) {
    const root = sharing.find(name);
    const most = recurrent.get(root);
    const demanded = [...demands.get(root) ?? []].sort((a, b) => b - a);
    const bits = most === undefined ? demanded : [most, ...demanded.filter((width) => width < most)];
    forms.set(name, { accumulator: accumulators.has(name), bits, rangeOf: widest.get(root) ?? name });
  }
  return forms;
}

interface Sharing {
  find(value: string): string;
  members(): string[];
}

/** Sets of values with the same scale and zero point (union-find). */
function shareParameters(graph: Graph, readers: ReadonlyMap<string, Node[]>): Sharing {
  const parent = new Map<string, string>();
  function find(value: string): string {
    const up = parent.get(value);
    if (up === undefined) {
      parent.set(value, value);
      return value;
    }
    if (up === value) return value;
    const root = find(up);
    parent.set(value, root);
    return root;
  }
  const join = (a: string, b: string): void => {
    parent.set(find(a), find(b));
  };
  for (const node of graph.nodes) {
    if (operatorOf(node.op).quantization === "sharing") join(node.inputs[0], node.outputs[0]);
  }
  const ofRecurrences = new Set(
    graph.nodes.filter(({ op }) => operatorOf(op).quantization === "recurrent").map(({ outputs }) => find(outputs[0])),
  );
  // Asking makes no set: the order in which values enter decides between members of equal width.
  const isOfRecurrence = (value: string): boolean => parent.has(value) && ofRecurrences.has(find(value));
  for (const node of graph.nodes) {
    if (operatorOf(node.op).quantization !== "joining") continue;
    if (node.inputs.some(isOfRecurrence)) continue;
    for (const input of node.inputs) {
      const onlyHere = readers.get(input)!.length === 1 && !graph.inputs.includes(input);
      if (onlyHere) join(input, node.outputs[0]);
    }
  }
  return { find, members: () => [...parent.keys()] };
}
