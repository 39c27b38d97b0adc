import type { LstmProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { commonFields, GATE_BITS, gateTables, stateFractionBits, withoutCommonIntegers } from "./integer_recurrence.ts";
import type { LoweringContext } from "./operator.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";

/** One unit of a gate times tanh(c), both Q0.15. */
const PRODUCT_SCALE = 2 ** -30;

/** The integer form of an LSTM's recurrence. */
export const integerLstm = { withoutIntegers, lower };

function lower(node: Node<RecurrentAttributes>, context: LoweringContext, type: ValueType): LstmProblem {
  return {
    kind: "lstm",
    ...commonFields(node, context, type, { argumentBits: GATE_BITS, hidden: PRODUCT_SCALE }),
    ...gateTables(node),
    cellBits: stateFractionBits(context),
  };
}

function withoutIntegers(
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): string | undefined {
  if (inputs[INPUT.p]) return "its input P (peepholes)";
  if (node.attributes.variant) return "its attribute input_forget";
  return withoutCommonIntegers(node, inputs, ["Sigmoid", "Tanh", "Tanh"]);
}
