import { codeVectors, type OnlineCodesProblem } from "./online_codes.ts";
import type { Quantization } from "./quantization.ts";
import { roundHalfUp } from "./round.ts";

/** Codes that vectors of quantized values find for themselves. */
type Codes = Pick<OnlineCodesProblem, "bits" | "length">;

/** Replaces every value by the real that its integer, or the code of it, stands for, in place (float32). */
export function fakeQuantize(values: Float32Array, quantization: Quantization, codes?: Codes): void {
  const { scale, zeroPoint, low, high } = quantization;
  const least = low - zeroPoint;
  const most = high - zeroPoint;
  const integers = codes && new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const steps = roundHalfUp(values[i] / scale);
    const limited = steps < least ? least : steps > most ? most : steps;
    if (integers) integers[i] = limited + zeroPoint;
    else values[i] = scale * limited;
  }
  if (integers === undefined) return;
  codeVectors(integers, { ...codes!, zeroPoint, low, high });
  for (let i = 0; i < values.length; i++) values[i] = scale * (integers[i] - zeroPoint);
}

/**
 * `fakeQuantize`, then the mean of what it did to each channel (innermost) taken off: what a layer whose bias is corrected
 * for its quantized input computes, but for the padding.
 */
export function fakeQuantizeCentred(
  values: Float32Array,
  quantization: Quantization,
  shift: Float64Array,
  codes?: Codes,
): void {
  fakeQuantize(values, quantization, codes);
  const channels = shift.length;
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c++) values[i + c] -= shift[c];
  }
}
