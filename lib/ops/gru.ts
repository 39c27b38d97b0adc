import { integerGru } from "./integer_gru.ts";
import { recurrentOperator } from "./recurrent.ts";
import { partOf, type RecurrentCell } from "./recurrent_cell.ts";

/**
 * Gated recurrent unit with gates z, r, h (ONNX operator GRU; f and g are its activations):
 *
 *     z = f(x Wz^T + h Rz^T + Wbz + Rbz)        r = f(x Wr^T + h Rr^T + Wbr + Rbr)
 *     n = g(x Wh^T + (r h) Rh^T + Rbh + Wbh), or with linear_before_reset g(x Wh^T + r (h Rh^T + Rbh) + Wbh)
 *     H = (1 - z) n + z h
 */
const cell: RecurrentCell = {
  name: "GRU",
  gates: 3,
  states: 1,
  hasPeepholes: false,
  activations: ["Sigmoid", "Tanh"],
  variant: "linear_before_reset",
  step({ program, input, recurrent, states: [h], activations: [gate, candidate], variant }) {
    const { length } = h;
    const sums = program.sum([{ span: partOf(input, length, 0, 2) }, { span: recurrent(h, 0, 2) }]);
    const [z, r] = [0, 1].map((index) => program.apply(gate, partOf(sums, length, index)));
    const reset = variant ? program.times(r, recurrent(h, 2, 1)) : recurrent(program.times(r, h), 2, 1);
    const n = program.apply(candidate, program.sum([{ span: partOf(input, length, 2) }, { span: reset }]));
    const open = program.sum([{ span: z, factor: -1 }], 1);
    return [program.sum([{ span: program.times(open, n) }, { span: program.times(z, h) }])];
  },
};

export const gru = recurrentOperator(cell, integerGru);
