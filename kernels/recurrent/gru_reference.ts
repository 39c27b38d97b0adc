import { interpolate } from "../../lib/arith/activation_table.ts";
import { codeVectors } from "../../lib/arith/online_codes.ts";
import { type GruProblem, hiddenCoding } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";
import { nextState, recurrentSum, rescaledSum, saturate } from "./step_arithmetic.ts";

/** The definition of an integer GRU. */
export function gru(problem: GruProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const accumulators = inputs[0] as ArrayOf<"i32">;
  const state = carriesState
    ? inputs[1] as ArrayOf<"i16">
    : problem.firstState?.slice() ?? new Int16Array(batch * hidden);
  for (let step = 0; step < steps; step++) {
    const t = isReverse ? steps - 1 - step : step;
    for (let row = 0; row < batch; row++) {
      const image = t * batch + row;
      const own = state.subarray(row * hidden, (row + 1) * hidden);
      own.set(nextStates(problem, accumulators.subarray(3 * hidden * image, 3 * hidden * (image + 1)), own));
      (output as ArrayOf<"u8">).set(hiddenOf(problem, own), image * hidden);
    }
  }
}

/** h of the state of an image. */
function hiddenOf(problem: GruProblem, state: Int16Array): Uint8Array {
  const { zeroPoint, multiplier, shift, low, high } = problem.output;
  const h = Uint8Array.from(
    state,
    (value) => clamp(zeroPoint + rescaleRoundHalfUp(value, multiplier, shift), low, high),
  );
  const coding = hiddenCoding(problem);
  if (coding) codeVectors(h, coding);
  return h;
}

/** H of one image after a step. */
function nextStates(problem: GruProblem, inputs: ArrayOf<"i32">, state: Int16Array): Int16Array {
  const { hidden, isLinear, gateTable, cellTable, stateBits, output: { zeroPoint } } = problem;
  const centred = Array.from(hiddenOf(problem, state), (value) => value - zeroPoint);
  const gateOf = (row: number): number =>
    interpolate(gateTable, rescaledSum(problem, row, inputs[row], recurrentSum(problem, row, centred)));
  const resets = Array.from(state, (_, unit) => gateOf(hidden + unit));
  const kept = centred.map((value, unit) => (resets[unit] * value + 2 ** 14) >> 15);
  return state.map((last, unit) => {
    const row = 2 * hidden + unit;
    const argument = isLinear
      ? saturate(linearArgument(problem, row, inputs[row], recurrentSum(problem, row, centred), resets[unit]))
      : rescaledSum(problem, row, inputs[row], recurrentSum(problem, row, kept));
    const update = gateOf(unit);
    return nextState(stateBits, [update, last], [2 ** 15 - update, interpolate(cellTable, argument)]);
  });
}

function linearArgument(problem: GruProblem, row: number, input: number, sum: number, reset: number): number {
  const u = rescaledSum(problem, row, input, 0, 17);
  const v = rescaledSum(problem, row, 0, sum, 17);
  return u + ((reset * v + 2 ** 14) >> 15);
}
