import { dynamicExponent, type DynamicProductProblem } from "../../lib/arith/dynamic_product.ts";
import { clamp, rescaleRoundHalfUpExact } from "../../lib/arith/round.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of a product whose input finds its scale at run time. */
export function dynamicProduct(
  { positions, inputs, outputs, activationBits, weights, bias, output: range }: DynamicProductProblem,
  [input]: readonly TypedArray[],
  output: TypedArray,
): void {
  const { zeroPoint, low, high, multipliers, shifts } = range;
  const end = 2 ** (activationBits - 1);
  for (let p = 0; p < positions; p++) {
    const x = (input as ArrayOf<"i32">).subarray(p * inputs, (p + 1) * inputs);
    const e = dynamicExponent(x.reduce((most, value) => Math.max(most, Math.abs(value)), 0), activationBits);
    const half = e === 0 ? 0 : 2 ** (e - 1);
    const q = Array.from(x, (value) => clamp(Math.floor((value + half) / 2 ** e), -end, end - 1));
    for (let o = 0; o < outputs; o++) {
      const sum = q.reduce((total, value, i) => total + weights[o * inputs + i] * value, 0);
      const accumulator = (BigInt(sum) << BigInt(e)) + BigInt(bias[o]);
      const rescaled = rescaleRoundHalfUpExact(accumulator, BigInt(multipliers[o]), BigInt(shifts[o]));
      output[p * outputs + o] = clamp(zeroPoint + Number(rescaled), low, high);
    }
  }
}
