import { biasCorrection } from "../arith/bias_correction.ts";
import { integerWeights, type WeightStorage } from "../arith/integer_weights.ts";
import { dequantizeWeights } from "../arith/weight_quantization.ts";
import type { Layer } from "../ops/layers.ts";
import type { WeightVariant } from "./engine.ts";

/**
 * A layer's weights as the reals that their integers stand for, and its bias corrected for what the mean of every output
 * channel lost, where `means` of the input channels are given.
 */
export function quantizedVariant(
  { weight, bias }: Layer,
  storage: WeightStorage,
  means: readonly number[] | undefined,
): WeightVariant {
  const { values, scales } = integerWeights(weight.data, weight.shape, storage);
  const weights = dequantizeWeights(values, scales);
  if (means === undefined) return { weights };
  const correction = biasCorrection(weight.data, weights, weight.shape, means);
  return { weights, bias: Float32Array.from(correction, (lost, o) => (bias?.data[o] ?? 0) + lost) };
}
