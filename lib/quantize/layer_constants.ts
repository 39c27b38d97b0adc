import { biasCorrection } from "../arith/bias_correction.ts";
import { type IntegerWeights, integerWeights } from "../arith/integer_weights.ts";
import { dequantizeWeights } from "../arith/weight_quantization.ts";
import { type Calibration, channelMeansOf, channelShiftsOf } from "../format/calibration.ts";
import { type WeightFormat, weightFormatName } from "../format/plan.ts";
import { type WeightOptions, weightStorage } from "../format/weight_storage.ts";
import type { Layer } from "../ops/layers.ts";

/** What of the options of quantizing decides weights and biases. */
export interface LayerOptions extends WeightOptions {
  /** Calibration method of activation ranges; the calibration's own choice if left out. */
  readonly method?: string;
  /** Correct biases for what quantized weights take off the mean of each output channel. Default true. */
  readonly biasCorrection?: boolean;
  /** Weights made so far, which are not made again; others are added. */
  readonly madeWeights?: MadeWeights;
  /** Activation ranges symmetric about zero. Default affine. */
  readonly symmetric?: boolean;
}

/** Weights by layer and form: what networks of one graph, calibration and options can share. */
export type MadeWeights = Map<string, IntegerWeights>;

/** A layer's weights, with scales and codes by the methods that the options or the calibration name. */
export function integerWeight(
  { name, weight }: Layer,
  format: WeightFormat,
  calibration: Calibration,
  options: LayerOptions,
): IntegerWeights {
  const { madeWeights: made } = options;
  const key = `${weightFormatName(format)} ${name}`;
  const found = made?.get(key) ??
    integerWeights(weight.data, weight.shape, weightStorage(format, calibration, options));
  made?.set(key, found);
  return found;
}

/** How the input of a layer is held: its bits, and for pixels, which are exact, what rounding their zero point adds. */
export interface LayerInput {
  readonly bits: number;
  readonly excess?: number;
}

/**
 * The real bias, plus what quantization takes off the channel's mean, less what the rounding of the pixels' zero
 * point adds to every accumulator.
 */
export function correctedBias(
  { input, weight, bias }: Layer,
  { values, scales }: IntegerWeights,
  { bits, excess }: LayerInput,
  calibration: Calibration,
  { biasCorrection: corrects = true, method = calibration.method, symmetric = false }: LayerOptions,
): Float64Array {
  const means = corrects ? channelMeansOf(calibration, input) : undefined;
  const isExact = excess !== undefined;
  const shifts = isExact || symmetric ? undefined : channelShiftsOf(calibration, input, method, bits);
  const reals = dequantizeWeights(values, scales);
  const lost = means && biasCorrection(weight.data, reals, weight.shape, means, shifts);
  const length = weight.data.length / scales.length;
  return Float64Array.from(scales, (_, channel) => {
    const sum = weight.data.subarray(channel * length, (channel + 1) * length).reduce((a, b) => a + b, 0);
    return (bias?.data[channel] ?? 0) + (lost?.[channel] ?? 0) - (excess ?? 0) * sum;
  });
}
