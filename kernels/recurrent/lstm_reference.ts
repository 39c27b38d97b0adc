import { interpolate } from "../../lib/arith/activation_table.ts";
import { codeVectors } from "../../lib/arith/online_codes.ts";
import { hiddenCoding, type LstmProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";
import { nextState, recurrentSum, rescaledSum, saturate } from "./step_arithmetic.ts";

const CANDIDATE = 3;

/** The definition of an integer LSTM. */
export function lstm(problem: LstmProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { steps, batch, hidden, isReverse, carriesState, gateTable, cellTable, cellBits } = problem;
  const { zeroPoint } = problem.output;
  const accumulators = inputs[0] as ArrayOf<"i32">;
  const size = batch * hidden;
  const coding = hiddenCoding(problem);
  const h = carriesState
    ? inputs[1] as ArrayOf<"u8">
    : problem.firstHidden?.slice() ?? new Uint8Array(size).fill(zeroPoint);
  const c = carriesState ? inputs[2] as ArrayOf<"i16"> : problem.firstState?.slice() ?? new Int16Array(size);
  for (let step = 0; step < steps; step++) {
    const t = isReverse ? steps - 1 - step : step;
    for (let image = 0; image < batch; image++) {
      const input = 4 * hidden * (t * batch + image);
      const centred = Array.from(h.subarray(image * hidden, (image + 1) * hidden), (value) => value - zeroPoint);
      const sums = Int32Array.from(problem.bias, (_, row) => recurrentSum(problem, row, centred));
      /** Gate number `gate` of a unit, with the cell state that its peephole sees. */
      const gateOf = (gate: number, unit: number, state: number): number => {
        const row = gate * hidden + unit;
        const seen = [state, problem.peepholes?.[row] ?? 0] as const;
        const argument = rescaledSum(problem, row, accumulators[input + row], sums[row], 16, seen);
        return interpolate(gate === CANDIDATE ? cellTable : gateTable, argument);
      };
      for (let unit = 0; unit < hidden; unit++) {
        const at = image * hidden + unit;
        const [i, f, g] = [0, 2, CANDIDATE].map((gate) => gateOf(gate, unit, c[at]));
        c[at] = nextState(cellBits, [f, c[at]], [i, g]);
        const o = gateOf(1, unit, c[at]);
        h[at] = hiddenOf(problem, c[at], o);
      }
      const own = h.subarray(image * hidden, (image + 1) * hidden);
      if (coding) codeVectors(own, coding);
      (output as ArrayOf<"u8">).set(own, t * size + image * hidden);
    }
  }
}

/** h of a unit from its c and gate o. */
function hiddenOf({ cellTable, cellBits, output }: LstmProblem, c: number, o: number): number {
  const argument = cellBits <= 12 ? c * 2 ** (12 - cellBits) : Math.floor(c / 2 ** (cellBits - 12) + 0.5);
  const value = o * interpolate(cellTable, saturate(argument));
  return clamp(
    output.zeroPoint + rescaleRoundHalfUp(value, output.multiplier, output.shift),
    output.low,
    output.high,
  );
}
