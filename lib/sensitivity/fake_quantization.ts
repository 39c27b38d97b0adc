import { dequantize, type Quantization, quantize } from "../arith/quantization.ts";
import {
  dequantizeWeights,
  quantizeWeights,
  type WeightScaleOptions,
  weightScales,
} from "../arith/weight_quantization.ts";
import type { FloatTensor } from "../tensor/tensor.ts";

/** The reals that the integers of `weight`, [O, ...], stand for. @throws RangeError as `weightScales`. */
export function fakeQuantizedWeights({ data, shape }: FloatTensor, options: WeightScaleOptions): Float32Array {
  const scales = weightScales(data, shape[0], options);
  return dequantizeWeights(quantizeWeights(data, scales, options.bits), scales);
}

/** Replaces every element by the real that its integer stands for. */
export function fakeQuantize(data: Float32Array, quantization: Quantization): void {
  for (let i = 0; i < data.length; i++) data[i] = dequantize(quantize(data[i], quantization), quantization);
}
