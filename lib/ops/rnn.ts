import { integerRnn } from "./integer_rnn.ts";
import { recurrentOperator } from "./recurrent.ts";
import type { RecurrentCell } from "./recurrent_cell.ts";

/** The plain recurrent cell (ONNX operator RNN): H = f(x W^T + h R^T + Wb + Rb). */
const cell: RecurrentCell = {
  name: "RNN",
  gates: 1,
  states: 1,
  hasPeepholes: false,
  activations: ["Tanh"],
  step({ program, input, recurrent, states: [h], activations: [activation] }) {
    return [program.apply(activation, program.sum([{ span: input }, { span: recurrent(h, 0, 1) }]))];
  },
};

export const rnn = recurrentOperator(cell, integerRnn);
