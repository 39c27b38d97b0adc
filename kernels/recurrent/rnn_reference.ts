import { interpolate } from "../../lib/arith/activation_table.ts";
import { codeVectors } from "../../lib/arith/online_codes.ts";
import { hiddenCoding, type RnnProblem } from "../../lib/arith/problem.ts";
import { clamp, rescaleRoundHalfUp } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";
import { recurrentSum, rescaledSum } from "./step_arithmetic.ts";

/** The definition of an integer RNN. */
export function rnn(problem: RnnProblem, inputs: readonly TypedArray[], output: TypedArray): void {
  const { steps, batch, hidden, isReverse, carriesState, cellTable } = problem;
  const { zeroPoint, multiplier, shift, low, high } = problem.output;
  const coding = hiddenCoding(problem);
  const accumulators = inputs[0] as ArrayOf<"i32">;
  const h = carriesState
    ? inputs[1] as ArrayOf<"u8">
    : problem.firstHidden?.slice() ?? new Uint8Array(batch * hidden).fill(zeroPoint);
  for (let step = 0; step < steps; step++) {
    const t = isReverse ? steps - 1 - step : step;
    for (let image = 0; image < batch; image++) {
      const start = hidden * (t * batch + image);
      const own = h.subarray(image * hidden, (image + 1) * hidden);
      const centred = Array.from(own, (value) => value - zeroPoint);
      for (let unit = 0; unit < hidden; unit++) {
        const sum = recurrentSum(problem, unit, centred);
        const value = interpolate(cellTable, rescaledSum(problem, unit, accumulators[start + unit], sum));
        own[unit] = clamp(zeroPoint + rescaleRoundHalfUp(value, multiplier, shift), low, high);
      }
      if (coding) codeVectors(own, coding);
      (output as ArrayOf<"u8">).set(own, start);
    }
  }
}
