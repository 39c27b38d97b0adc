import { activationTable } from "../arith/activation_table.ts";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../arith/dyadic.ts";
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
type CommonFields = Omit<LstmProblem, "kind" | "cellBits" | "gateTable" | "cellTable">;

/** Units of what a cell's equations go through: of the arguments of gates 2^-`argumentBits`, and what h is rescaled from. */
interface CellUnits {
  readonly argumentBits: number;
  readonly hidden: number;
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
): CommonFields {
  const { values, codes, scales } = weight!;
  const { quantization } = output!;
  const recurrentScales = scales.map((scale) => scale * quantization.scale);
  const ratios = [...gates.channelScales!, ...recurrentScales].map((scale) => scale * 2 ** units.argumentBits);
  const { multipliers, shift } = dyadicsWithCommonShift(ratios);
  return {
    steps,
    batch,
    hidden,
    isReverse: node.attributes.isReverse,
    weights: values,
    codes,
    bias: integerBias(node, bias, recurrentScales),
    inputMultipliers: Int32Array.from(multipliers.slice(0, scales.length)),
    recurrentMultipliers: Int32Array.from(multipliers.slice(scales.length)),
    shift,
    output: { ...outputRange(output!), dtype: "u8", ...dyadicFromRatio(units.hidden / quantization.scale) },
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

/** Fraction bits of an int16 state: beside them the fewest integer bits m with 2^m at least its largest magnitude. */
export function stateFractionBits({ recurrence }: LoweringContext): number {
  const integerBits = Math.ceil(Math.log2(recurrence!.largestCell || 1));
  return STATE_BITS - Math.min(Math.max(integerBits, 0), STATE_BITS);
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
  const start = [INPUT.h, INPUT.c].find((index) => inputs[index]?.constant?.data.some((v) => v !== 0));
  return start === undefined ? undefined : `its constant ${start === INPUT.h ? "initial_h" : "initial_c"} other than 0`;
}
