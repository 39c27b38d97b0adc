import type { LstmProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import {
  commonFields,
  firstHidden,
  firstState,
  GATE_BITS,
  gateTables,
  stateFractionBits,
  withoutCommonIntegers,
} from "./integer_recurrence.ts";
import type { LoweringContext } from "./operator.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";

/** One unit of a gate times tanh(c), both Q0.15. */
const PRODUCT_SCALE = 2 ** -30;

/** The integer form of an LSTM's recurrence. */
export const integerLstm = { withoutIntegers, lower };

function lower(node: Node<RecurrentAttributes>, context: LoweringContext, type: ValueType): LstmProblem {
  const cellBits = stateFractionBits(context, 1);
  const p = context.constants?.[INPUT.p];
  const units = {
    argumentBits: GATE_BITS,
    hidden: PRODUCT_SCALE,
    ...(p && { seen: { bits: cellBits, peepholes: Array.from(p.data as Float32Array) } }),
  };
  return {
    kind: "lstm",
    ...commonFields(node, context, type, units),
    ...gateTables(node),
    cellBits,
    ...firstHidden(context),
    ...firstState(context, 1, cellBits),
  };
}

function withoutIntegers(
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): string | undefined {
  if (node.attributes.variant) return "its attribute input_forget";
  return withoutCommonIntegers(node, inputs, ["Sigmoid", "Tanh", "Tanh"]);
}
