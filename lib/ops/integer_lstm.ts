import type { Node, Value } from "../ir/graph.ts";
import type { ActivationName } from "./activation_functions.ts";
import { INPUT, type RecurrentAttributes } from "./recurrent_node.ts";

/** What the gates' tables hold: those of f, g and h. */
const ACTIVATIONS: readonly ActivationName[] = ["Sigmoid", "Tanh", "Tanh"];

/** The integer form of an LSTM's recurrence. */
export const integerLstm = { withoutIntegers };

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
