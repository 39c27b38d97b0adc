import type { GruProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import {
  commonFields,
  firstState,
  GATE_BITS,
  gateTables,
  stateFractionBits,
  withoutCommonIntegers,
} from "./integer_recurrence.ts";
import type { LoweringContext } from "./operator.ts";
import type { RecurrentAttributes } from "./recurrent_node.ts";

/** The integer form of a GRU's recurrence: its state is h in 16 bits, from which the 8 bits of Y are rescaled. */
export const integerGru = { withoutIntegers, lower };

function lower(node: Node<RecurrentAttributes>, context: LoweringContext, type: ValueType): GruProblem {
  const stateBits = stateFractionBits(context, 0);
  return {
    kind: "gru",
    ...commonFields(node, context, type, { argumentBits: GATE_BITS, hidden: 2 ** -stateBits }),
    ...gateTables(node),
    isLinear: node.attributes.variant,
    stateBits,
    ...firstState(context, 0, stateBits),
  };
}

function withoutIntegers(
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): string | undefined {
  return withoutCommonIntegers(node, inputs, ["Sigmoid", "Tanh"]);
}
