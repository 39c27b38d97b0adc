import { activationTable } from "../arith/activation_table.ts";
import type { RnnProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { ACTIVATION_FUNCTIONS, clippedActivation } from "./activation_functions.ts";
import {
  commonFields,
  firstHidden,
  GATE_BITS,
  stateFractionBits,
  tableOf,
  withoutCommonIntegers,
} from "./integer_recurrence.ts";
import type { LoweringContext } from "./operator.ts";
import type { RecurrentAttributes } from "./recurrent_node.ts";

/** One unit of a bounded function's table, Q0.15. */
const TABLE_SCALE = 2 ** -15;

/**
 * The integer form of a plain recurrence. Bounded functions have tables from -8 to 8 in Q0.15, beyond which their values do
 * not change; Relu, where arguments of more than the largest output do not occur, has those from minus that to that, and
 * results in the same unit.
 */
export const integerRnn = { withoutIntegers, lower };

function lower(node: Node<RecurrentAttributes>, context: LoweringContext, type: ValueType): RnnProblem {
  const { attributes: { activations: [name], clip } } = node;
  const first = firstHidden(context);
  if (name !== "Relu") {
    const units = { argumentBits: GATE_BITS, hidden: TABLE_SCALE };
    const common = commonFields(node, context, type, units);
    return { kind: "rnn", ...common, ...first, argumentBits: GATE_BITS, cellTable: tableOf(name, node) };
  }
  const argumentBits = stateFractionBits(context, 0);
  const { value } = clippedActivation(ACTIVATION_FUNCTIONS[name], clip);
  const end = 2 ** (15 - argumentBits);
  return {
    kind: "rnn",
    ...commonFields(node, context, type, { argumentBits, hidden: 2 ** -argumentBits }),
    ...first,
    argumentBits,
    cellTable: activationTable((x) => value(x * end / 8) / end),
  };
}

function withoutIntegers(
  node: Node<RecurrentAttributes>,
  inputs: readonly (Value | undefined)[],
): string | undefined {
  return withoutCommonIntegers(node, inputs);
}
