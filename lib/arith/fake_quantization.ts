import { dequantize, type Quantization, quantize } from "./quantization.ts";

/** Replaces every value by the nearest one that `quantization` can represent, in place (float32). */
export function fakeQuantize(values: Float32Array, quantization: Quantization): void {
  for (let i = 0; i < values.length; i++) values[i] = dequantize(quantize(values[i], quantization), quantization);
}
