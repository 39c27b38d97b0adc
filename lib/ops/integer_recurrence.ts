import { activationTable } from "../arith/activation_table.ts";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../arith/dyadic.ts";
import type { LstmProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName } from "./activation_functions.ts";
import { integerBias } from "./integer_bias.ts";
import type { LoweringContext } from "./operator.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";
import { outputRange } from "./rescale.ts";

/** One unit of a gate's input, Q3.12. */
const GATE_SCALE = 2 ** -12;

/** Bits of an int16 state beside its sign. */
const STATE_BITS = 15;

const GATE_TABLE = activationTable(ACTIVATION_FUNCTIONS.Sigmoid.value);
const CELL_TABLE = activationTable(ACTIVATION_FUNCTIONS.Tanh.value);

/** Fields of the integer recurrences of all cells. */
type CommonFields = Omit<LstmProblem, "kind" | "cellBits">;

/**
 * What the integer recurrences of all cells have. Scales of accumulators are those of x W^T + Wb per row, and S_R S_h of the
 * product with h, which is quantized as Y is; `unit` is that of what h is rescaled from.
 */
export function commonFields(
  node: Node<RecurrentAttributes>,
  { inputs: [gates], weight, bias, output, recurrence }: LoweringContext,
  { shape: [steps, batch, hidden] }: ValueType,
  unit: number,
): CommonFields {
  const { values, scales } = weight!;
  const { quantization } = output!;
  const recurrentScales = scales.map((scale) => scale * quantization.scale);
  const ratios = [...gates.channelScales!, ...recurrentScales].map((scale) => scale / GATE_SCALE);
  const { multipliers, shift } = dyadicsWithCommonShift(ratios);
  return {
    steps,
    batch,
    hidden,
    isReverse: node.attributes.isReverse,
    weights: values,
    bias: integerBias(node, bias, recurrentScales),
    inputMultipliers: Int32Array.from(multipliers.slice(0, scales.length)),
    recurrentMultipliers: Int32Array.from(multipliers.slice(scales.length)),
    shift,
    gateTable: GATE_TABLE,
    cellTable: CELL_TABLE,
    output: { ...outputRange(output!), dtype: "u8", ...dyadicFromRatio(unit / quantization.scale) },
    carriesState: recurrence!.carriesState,
  };
}

/** Fraction bits of an int16 state: beside them the fewest integer bits m with 2^m at least its largest magnitude. */
export function stateFractionBits({ recurrence }: LoweringContext): number {
  const integerBits = Math.ceil(Math.log2(recurrence!.largestCell || 1));
  return STATE_BITS - Math.min(Math.max(integerBits, 0), STATE_BITS);
}

/** What of a recurrence integers do not have, whatever its cell; `activations` are what the tables hold. */
export function withoutCommonIntegers(
  { attributes }: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
  activations: readonly ActivationName[],
): string | undefined {
  if (inputs[INPUT.lengths]) return "its input sequence_lens";
  if (attributes.clip < Infinity) return "its attribute clip";
  if (attributes.activations.join() !== activations.join()) {
    return `its attribute activations (${attributes.activations.join(", ")})`;
  }
  const start = [INPUT.h, INPUT.c].find((index) => inputs[index]?.constant?.data.some((v) => v !== 0));
  return start === undefined ? undefined : `its constant ${start === INPUT.h ? "initial_h" : "initial_c"} other than 0`;
}
