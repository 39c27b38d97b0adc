import { activationTable } from "../arith/activation_table.ts";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../arith/dyadic.ts";
import { quantize } from "../arith/quantization.ts";
import { clamp, roundHalfUp } from "../arith/round.ts";
import type { LstmProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName, clippedActivation } from "./activation_functions.ts";
import { integerBias } from "./integer_bias.ts";
import type { LoweringContext } from "./operator.ts";
import { integersOf } from "./integers.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";
import { outputRange } from "./rescale.ts";

/** Fraction bits of a gate's input, Q3.12. */
export const GATE_BITS = 12;

/** Bits of an int16 state beside its sign. */
const STATE_BITS = 15;

/** Fields of the integer recurrences of all cells. */
type CommonFields = Omit<
  LstmProblem,
  "kind" | "cellBits" | "gateTable" | "cellTable" | "firstHidden" | "firstState" | "peepholes"
>;

/** Units of what a cell's equations go through: of the arguments of gates 2^-`argumentBits`, and what h is rescaled from. */
interface CellUnits {
  readonly argumentBits: number;
  readonly hidden: number;
  /** Of the state, and what it is multiplied with where the gates see it. */
  readonly seen?: { readonly bits: number; readonly peepholes: readonly number[] };
}

/**
 * What the integer recurrences of all cells have. Scales of accumulators are those of x W^T + Wb per row, and S_R S_h of the
 * product with h, which is quantized as Y is.
 */
export function commonFields(
  node: Node<RecurrentAttributes>,
  { inputs: [gates], weight, bias, output, recurrence }: LoweringContext,
  { shape: [steps, batch, hidden] }: ValueType,
  units: CellUnits,
): CommonFields & { readonly peepholes?: Int32Array } {
  const { values, codes, scales } = weight!;
  const { quantization } = output!;
  const recurrentScales = scales.map((scale) => scale * quantization.scale);
  const ratios = [...gates.channelScales!, ...recurrentScales].map((scale) => scale * 2 ** units.argumentBits);
  const seen = units.seen?.peepholes.map((value) => value * 2 ** (units.argumentBits - units.seen!.bits)) ?? [];
  const { multipliers, shift } = dyadicsWithCommonShift([...ratios, ...seen.map(Math.abs)]);
  const rows = scales.length;
  const peepholes = seen.map((value, i) => Math.sign(value) * multipliers[2 * rows + i]);
  return {
    steps,
    batch,
    hidden,
    isReverse: node.attributes.isReverse,
    weights: values,
    codes,
    bias: integerBias(node, bias, recurrentScales),
    inputMultipliers: Int32Array.from(multipliers.slice(0, rows)),
    recurrentMultipliers: Int32Array.from(multipliers.slice(rows, 2 * rows)),
    shift,
    ...(units.seen && { peepholes: Int32Array.from(peepholes) }),
    output: { ...outputRange(output!), dtype: "u8", ...dyadicFromRatio(units.hidden / quantization.scale) },
    ...(recurrence!.hiddenCodes !== undefined && { hiddenCodes: recurrence!.hiddenCodes }),
    carriesState: recurrence!.carriesState,
  };
}

/** The table of one of ONNX's functions, its arguments clipped as the node says. */
export function tableOf(name: ActivationName, { attributes: { clip } }: Node<RecurrentAttributes>): Int16Array {
  return activationTable(clippedActivation(ACTIVATION_FUNCTIONS[name], clip).value);
}

/** Tables of gates and of what goes through the state. */
export function gateTables(
  node: Node<RecurrentAttributes>,
): { readonly gateTable: Int16Array; readonly cellTable: Int16Array } {
  return { gateTable: tableOf("Sigmoid", node), cellTable: tableOf("Tanh", node) };
}

/**
 * Fraction bits of an int16 state, which is number `place` of the node's: beside them the fewest integer bits m with 2^m at
 * least its largest magnitude.
 */
export function stateFractionBits({ recurrence }: LoweringContext, place: number): number {
  const first = recurrence!.first?.[place]?.data ?? new Float32Array();
  const largest = first.reduce((most, value) => Math.max(most, Math.abs(value)), recurrence!.largestCell);
  const integerBits = Math.ceil(Math.log2(largest || 1));
  return STATE_BITS - Math.min(Math.max(integerBits, 0), STATE_BITS);
}

/** h before the first step, quantized as Y is, where it is constant and not 0. */
export function firstHidden({ recurrence, output }: LoweringContext): { readonly firstHidden?: Uint8Array } {
  const first = recurrence!.first?.[0];
  return first === undefined
    ? {}
    : { firstHidden: Uint8Array.from(first.data, (value) => quantize(value, output!.quantization)) };
}

/** The int16 state before the first step, number `place` of the node's, where it is constant and not 0. */
export function firstState(
  { recurrence }: LoweringContext,
  place: number,
  bits: number,
): { readonly firstState?: Int16Array } {
  const first = recurrence!.first?.[place];
  const limit = 2 ** STATE_BITS;
  return first === undefined ? {} : {
    firstState: Int16Array.from(
      first.data,
      (value) => clamp(roundHalfUp(value * 2 ** bits), -limit, limit - 1),
    ),
  };
}

/** What of a recurrence integers do not have, whatever its cell; `activations` are what the tables hold, if not any. */
export function withoutCommonIntegers(
  { attributes }: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
  activations?: readonly ActivationName[],
): string | undefined {
  const lengths = inputs[INPUT.lengths];
  if (lengths) {
    const found = lengths.constant === undefined ? "not constant" : integersOf(lengths.constant).join(", ");
    return `its input sequence_lens (${lengths.name}: ${found}) other than one constant length above 0`;
  }
  if (activations !== undefined && attributes.activations.join() !== activations.join()) {
    return `its attribute activations (${attributes.activations.join(", ")})`;
  }
  return undefined;
}
