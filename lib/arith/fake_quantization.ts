import type { Quantization } from "./quantization.ts";
import { roundHalfUp } from "./round.ts";

/** Replaces every value by the real that its integer stands for, in place (float32). */
export function fakeQuantize(values: Float32Array, { scale, zeroPoint, low, high }: Quantization): void {
  const least = low - zeroPoint;
  const most = high - zeroPoint;
  for (let i = 0; i < values.length; i++) {
    const steps = roundHalfUp(values[i] / scale);
    values[i] = scale * (steps < least ? least : steps > most ? most : steps);
  }
}

/**
 * `fakeQuantize`, then the mean of what it did to each channel (innermost) taken off: what a layer whose bias is corrected
 * for its quantized input computes, but for the padding.
 */
export function fakeQuantizeCentred(values: Float32Array, quantization: Quantization, shift: Float64Array): void {
  fakeQuantize(values, quantization);
  const channels = shift.length;
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c++) values[i + c] -= shift[c];
  }
}
