import { interpolate } from "../../lib/arith/activation_table.ts";
import type { LstmProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp, shiftHalvesRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of an integer LSTM. */
export function lstm(problem: LstmProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const accumulators = inputs[0] as ArrayOf<"i32">;
  const size = batch * hidden;
  const h = carriesState ? inputs[1] as ArrayOf<"u8"> : new Uint8Array(size).fill(problem.output.zeroPoint);
  const c = carriesState ? inputs[2] as ArrayOf<"i16"> : new Int16Array(size);
  for (let step = 0; step < steps; step++) {
    const t = isReverse ? steps - 1 - step : step;
    for (let row = 0; row < batch; row++) {
      const gates = gatesOf(problem, accumulators, 4 * hidden * (t * batch + row), h, row * hidden);
      for (let unit = 0; unit < hidden; unit++) {
        const at = row * hidden + unit;
        const [i, o, f, g] = [gates[unit], gates[hidden + unit], gates[2 * hidden + unit], gates[3 * hidden + unit]];
        c[at] = nextCell(problem, c[at], i, f, g);
        h[at] = nextHidden(problem, c[at], o);
        output[t * size + at] = h[at];
      }
    }
  }
}

/** p of all rows, of `h` from `start` on. */
function gatesOf(
  problem: LstmProblem,
  accumulators: ArrayOf<"i32">,
  input: number,
  h: ArrayOf<"u8">,
  start: number,
): Int16Array {
  const { hidden, weights, bias, inputMultipliers, recurrentMultipliers, shift, output: { zeroPoint } } = problem;
  return Int16Array.from(bias, (b, row) => {
    let sum = b;
    for (let j = 0; j < hidden; j++) sum += weights[row * hidden + j] * (h[start + j] - zeroPoint);
    const [bx, bh] = [inputMultipliers[row], recurrentMultipliers[row]];
    const upper = accumulators[input + row] * (bx >> 16) + sum * (bh >> 16);
    const lower = accumulators[input + row] * (bx & 0xffff) + sum * (bh & 0xffff);
    return saturate(shiftHalvesRoundHalfUp(upper, lower, shift));
  });
}

/** c of a unit from its last c and the gate inputs; products of three int16 are exact in float64. */
function nextCell({ gateTable, cellTable, cellBits }: LstmProblem, c: number, i: number, f: number, g: number): number {
  const m = 15 - cellBits;
  const kept = interpolate(gateTable, f) * c * 2 ** m;
  const added = interpolate(gateTable, i) * interpolate(cellTable, g);
  return saturate(Math.floor((kept + added + 2 ** (14 + m)) / 2 ** (15 + m)));
}

/** h of a unit from its c and the input of gate o. */
function nextHidden({ gateTable, cellTable, cellBits, output }: LstmProblem, c: number, o: number): number {
  const argument = cellBits <= 12 ? c * 2 ** (12 - cellBits) : Math.floor(c / 2 ** (cellBits - 12) + 0.5);
  const value = interpolate(gateTable, o) * interpolate(cellTable, saturate(argument));
  return clamp(
    output.zeroPoint + rescaleRoundHalfUp(value, output.multiplier, output.shift),
    output.low,
    output.high,
  );
}

/** The nearest int16. */
function saturate(value: number): number {
  return clamp(value, -(2 ** 15), 2 ** 15 - 1);
}
