import { dequantize, type Quantization, quantize } from "./quantization.ts";
import { dequantizeWeights, quantizeWeights, type WeightScaleOptions, weightScales } from "./weight_quantization.ts";

/** Replaces every value by the real that its integer stands for, in place (float32). */
export function fakeQuantize(values: Float32Array, quantization: Quantization): void {
  for (let i = 0; i < values.length; i++) values[i] = dequantize(quantize(values[i], quantization), quantization);
}

/** The reals that the integers of `weights`, [channels, ...], stand for. @throws RangeError as `weightScales`. */
export function fakeQuantizedWeights(
  weights: Float32Array,
  channels: number,
  options: WeightScaleOptions,
): Float32Array {
  const scales = weightScales(weights, channels, options);
  return dequantizeWeights(quantizeWeights(weights, scales, options.bits), scales);
}
