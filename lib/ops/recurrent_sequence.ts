import type { Node } from "../ir/graph.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";
import { ACTIVATION_FUNCTIONS, clippedActivation } from "./activation_functions.ts";
import { integersOf } from "./integers.ts";
import type { Derivatives, Operator, RecurrentChanges } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { partOf, type RecurrentCell } from "./recurrent_cell.ts";
import { extentsOf, INPUT, type RecurrentAttributes, type RecurrentExtents } from "./recurrent_node.ts";
import { type Span, VectorProgram } from "./vector_program.ts";

type Inputs = readonly (Tensor | undefined)[];
type Arrays = readonly (ArrayLike<number> | undefined)[];

/** Place of the output that holds all cell states. */
const SEQUENCE_OF_C = 3;

/** A vector of the program that is written to an output from element `start` on. */
interface Placement {
  readonly span: Span;
  readonly output: number;
  readonly start: number;
}

/** All time steps of a node as one program. */
interface Unrolled {
  readonly program: VectorProgram;
  /** Where the elements of each float input lie in its memory, in the order of the tensor. */
  readonly inputs: readonly (Span | undefined)[];
  readonly placements: readonly Placement[];
  readonly outputs: readonly Shape[];
}

/**
 * `forward` of a cell: its equations step by step, in float64, the results rounded to float32; with `rewrite`, h as that
 * leaves it after every step, and with `multiply`, the products of R by that.
 */
export function recurrentForward(
  cell: RecurrentCell,
): NonNullable<Operator<RecurrentAttributes>["forwardChanged"]> & Operator<RecurrentAttributes>["forward"] {
  return (node, inputs, outputs, changes: RecurrentChanges = {}) => {
    const unrolled = unroll(cell, node, inputs, changes);
    return collect(unrolled, valuesOf(unrolled, inputs)).map((data, i) => ({
      dtype: "f32",
      shape: outputs[i].shape,
      data,
    }));
  };
}

/** Forward mode along the time steps, reverse mode back through them (backpropagation through time). */
export function recurrentDerivatives(cell: RecurrentCell): Derivatives<RecurrentAttributes> {
  return {
    tangent(node, { inputs }, tangents) {
      const unrolled = unroll(cell, node, inputs);
      const along = load(unrolled, tangents);
      unrolled.program.tangent(valuesOf(unrolled, inputs), along);
      return collect(unrolled, along);
    },
    gradient(node, { inputs }, gradients, wanted) {
      const unrolled = unroll(cell, node, inputs);
      const memory = seed(unrolled, gradients);
      unrolled.program.gradient(valuesOf(unrolled, inputs), memory);
      return inputsOf(unrolled, memory, wanted);
    },
    curvature(node, { inputs }, tangents, gradients, wanted) {
      const unrolled = unroll(cell, node, inputs);
      const { program } = unrolled;
      const values = valuesOf(unrolled, inputs);
      const along = load(unrolled, tangents);
      program.tangent(values, along);
      const memory = seed(unrolled, gradients);
      program.gradient(values, memory);
      const result = new Float64Array(program.size);
      program.gradientTangent(values, along, memory, result);
      return inputsOf(unrolled, result, wanted);
    },
  };
}

function unroll(
  cell: RecurrentCell,
  node: Node<RecurrentAttributes>,
  inputs: Inputs,
  { rewrite, multiply }: RecurrentChanges = {},
): Unrolled {
  const { attributes } = node;
  const extents = extentsOf(inputs[INPUT.gates]!.shape, inputs[INPUT.r]!.shape);
  const { steps, batch, hidden } = extents;
  const lengths = lengthsOf(node, inputs[INPUT.lengths], extents);
  const program = new VectorProgram();
  const isRead = (i: number): boolean => i !== INPUT.lengths && (i !== INPUT.r || multiply === undefined);
  const spans = inputs.map((input, i) => input && isRead(i) ? program.input(sizeOf(input.shape)) : undefined);
  const zero = program.input(hidden);
  const cellStep = recordStep(cell, attributes, program, spans, hidden, multiply);
  const placements: Placement[] = [];
  for (let n = 0; n < batch; n++) {
    const initial = [INPUT.h, INPUT.c].slice(0, cell.states).map((index) => spans[index]);
    let states: readonly Span[] = initial.map((span) => span ? partOf(span, hidden, n) : zero);
    for (let k = 0; k < lengths[n]; k++) {
      const row = (attributes.isReverse ? lengths[n] - 1 - k : k) * batch + n;
      states = cellStep(partOf(spans[INPUT.gates]!, cell.gates * hidden, row), states);
      if (rewrite) states = states.with(0, program.rewrite(states[0], rewrite));
      const added = spans[INPUT.added];
      if (added) states = states.with(0, program.sum([{ span: states[0] }, { span: partOf(added, hidden, row) }]));
      states.forEach((span, i) => placements.push({ span, output: i === 0 ? 0 : SEQUENCE_OF_C, start: row * hidden }));
    }
    states.forEach((span, i) => placements.push({ span, output: 1 + i, start: n * hidden }));
  }
  const sequence = [steps, batch, hidden];
  const state = [batch, hidden];
  const outputs = cell.states === 2 ? [sequence, state, state, sequence] : [sequence, state];
  return { program, inputs: spans, placements, outputs };
}

/** Records one time step: from the gates' inputs and the states to the next states. */
function recordStep(
  cell: RecurrentCell,
  { activations, clip, variant }: RecurrentAttributes,
  program: VectorProgram,
  spans: readonly (Span | undefined)[],
  hidden: number,
  multiply: RecurrentChanges["multiply"],
): (gates: Span, states: readonly Span[]) => readonly Span[] {
  const [r, bias, p] = [INPUT.r, INPUT.bias, INPUT.p].map((index) => spans[index]);
  const functions = activations.map((name) => clippedActivation(ACTIVATION_FUNCTIONS[name], clip));
  return (input, states) =>
    cell.step({
      program,
      input,
      states,
      recurrent(vector, first, count) {
        const product = multiply
          ? program.computed(count * hidden, vector, (x, result) => multiply(x, first, count, result))
          : program.product(partOf(r!, hidden * hidden, first, count), vector);
        return bias ? program.sum([{ span: product }, { span: partOf(bias, hidden, first, count) }]) : product;
      },
      activations: functions,
      peepholes: p && [0, 1, 2].map((index) => partOf(p, hidden, index)),
      variant,
    });
}

/** The number of steps of every sequence. @throws DyadError for one that X does not have. */
function lengthsOf(
  node: Node<RecurrentAttributes>,
  lengths: Tensor | undefined,
  { steps, batch }: RecurrentExtents,
): number[] {
  if (lengths === undefined) return new Array<number>(batch).fill(steps);
  const found = integersOf(lengths);
  const wrong = found.findIndex((length) => length < 0 || length > steps);
  if (wrong >= 0) {
    throw nodeError(node, `sequence ${wrong} has length ${found[wrong]}, expected 0 to ${steps}`);
  }
  return found;
}

/** Memory with the elements of each float input, 0 where there are none, and 0 elsewhere. */
function load({ program, inputs }: Unrolled, arrays: Arrays): Float64Array {
  const memory = new Float64Array(program.size);
  inputs.forEach((span, i) => span && arrays[i] && memory.set(arrays[i], span.start));
  return memory;
}

function valuesOf(unrolled: Unrolled, inputs: Inputs): Float64Array {
  const memory = load(unrolled, inputs.map((input) => (input as FloatTensor | undefined)?.data));
  unrolled.program.forward(memory);
  return memory;
}

/** What stands in the memory at the places of the outputs. */
function collect({ outputs, placements }: Unrolled, memory: Float64Array): Float32Array[] {
  const results = outputs.map((shape) => new Float32Array(sizeOf(shape)));
  for (const { span, output, start } of placements) {
    results[output].set(memory.subarray(span.start, span.start + span.length), start);
  }
  return results;
}

/** Memory with the gradients of the outputs at their places. */
function seed({ program, placements }: Unrolled, gradients: readonly Float32Array[]): Float64Array {
  const memory = new Float64Array(program.size);
  for (const { span, output, start } of placements) {
    for (let i = 0; i < span.length; i++) memory[span.start + i] += gradients[output][start + i];
  }
  return memory;
}

function inputsOf(
  { inputs }: Unrolled,
  memory: Float64Array,
  wanted: readonly boolean[],
): (Float32Array | undefined)[] {
  return inputs.map((span, i) =>
    span && wanted[i] ? Float32Array.from(memory.subarray(span.start, span.start + span.length)) : undefined
  );
}
