import { activationTable } from "../arith/activation_table.ts";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../arith/dyadic.ts";
import type { LstmProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { ACTIVATION_FUNCTIONS, type ActivationName } from "./activation_functions.ts";
import { integerBias } from "./integer_bias.ts";
import type { LoweringContext } from "./operator.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";
import { outputRange } from "./rescale.ts";

/** What the gates' tables hold: those of f, g and h. */
const ACTIVATIONS: readonly ActivationName[] = ["Sigmoid", "Tanh", "Tanh"];

/** One unit of a gate's input, Q3.12. */
const GATE_SCALE = 2 ** -12;

/** One unit of a gate and of tanh(c), Q0.15. */
const UNIT_SCALE = 2 ** -15;

/** Bits of the cell state beside its sign. */
const CELL_BITS = 15;

const GATE_TABLE = activationTable(ACTIVATION_FUNCTIONS.Sigmoid.value);
const CELL_TABLE = activationTable(ACTIVATION_FUNCTIONS.Tanh.value);

/** The integer form of an LSTM's recurrence. */
export const integerLstm = { withoutIntegers, lower };

/**
 * Scales of accumulators are those of x W^T + Wb per row, and S_R S_h of the product with h, which is quantized as Y is.
 * The cell state has the fewest integer bits m with 2^m at least its largest magnitude.
 */
function lower(
  node: Node<RecurrentAttributes>,
  { inputs: [gates], weight, bias, output, recurrence }: LoweringContext,
  { shape: [steps, batch, hidden] }: ValueType,
): LstmProblem {
  const { values, scales } = weight!;
  const { quantization } = output!;
  const recurrentScales = scales.map((scale) => scale * quantization.scale);
  const ratios = [...gates.channelScales!, ...recurrentScales].map((scale) => scale / GATE_SCALE);
  const { multipliers, shift } = dyadicsWithCommonShift(ratios);
  const { largestCell, carriesState } = recurrence!;
  const integerBits = Math.min(Math.max(Math.ceil(Math.log2(largestCell || 1)), 0), CELL_BITS);
  return {
    kind: "lstm",
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
    cellBits: CELL_BITS - integerBits,
    output: { ...outputRange(output!), dtype: "u8", ...dyadicFromRatio(UNIT_SCALE ** 2 / quantization.scale) },
    carriesState,
  };
}

function withoutIntegers(
  { attributes: { activations, clip, variant } }: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): string | undefined {
  if (inputs[INPUT.p]) return "its input P (peepholes)";
  if (inputs[INPUT.lengths]) return "its input sequence_lens";
  if (variant) return "its attribute input_forget";
  if (clip < Infinity) return "its attribute clip";
  if (activations.join() !== ACTIVATIONS.join()) return `its attribute activations (${activations.join(", ")})`;
  const start = [INPUT.h, INPUT.c].find((index) => inputs[index]?.constant?.data.some((v) => v !== 0));
  return start === undefined ? undefined : `its constant ${start === INPUT.h ? "initial_h" : "initial_c"} other than 0`;
}
