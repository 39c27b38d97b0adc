import { integerLstm } from "./integer_lstm.ts";
import { recurrentOperator } from "./recurrent.ts";
import { partOf, type RecurrentCell } from "./recurrent_cell.ts";

/**
 * Long short-term memory with gates i, o, f, c (ONNX operator LSTM; f, g and h are its activations, P its peepholes):
 *
 *     i = f(x Wi^T + h Ri^T + Pi c + Wbi + Rbi)        f = f(x Wf^T + h Rf^T + Pf c + Wbf + Rbf), or 1 - i
 *     C = f c + i g(x Wc^T + h Rc^T + Wbc + Rbc)
 *     o = f(x Wo^T + h Ro^T + Po C + Wbo + Rbo)        H = o h(C)
 */
const cell: RecurrentCell = {
  name: "LSTM",
  gates: 4,
  states: 2,
  hasPeepholes: true,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  variant: "input_forget",
  step({ program, input, recurrent, states: [h, c], activations: [gate, candidate, output], peepholes, variant }) {
    const sums = program.sum([{ span: input }, { span: recurrent(h, 0, 4) }]);
    const seen = (index: number, peephole: number, state: typeof c): typeof c => {
      const sum = partOf(sums, h.length, index);
      return peepholes ? program.sum([{ span: sum }, { span: program.times(peepholes[peephole], state) }]) : sum;
    };
    const i = program.apply(gate, seen(0, 0, c));
    const f = variant ? program.sum([{ span: i, factor: -1 }], 1) : program.apply(gate, seen(2, 2, c));
    const fresh = program.times(i, program.apply(candidate, partOf(sums, h.length, 3)));
    const next = program.sum([{ span: program.times(f, c) }, { span: fresh }]);
    const o = program.apply(gate, seen(1, 1, next));
    return [program.times(o, program.apply(output, next)), next];
  },
};

export const lstm = recurrentOperator(cell, integerLstm);
