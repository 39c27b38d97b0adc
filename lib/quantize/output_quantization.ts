import type { Quantization } from "../arith/quantization.ts";

/** Bits of the network's output: int32 logits. */
const OUTPUT_BITS = 32;
/** Integer logits use at most this magnitude, so that no rescaling of them can leave int32. */
const OUTPUT_LIMIT = 2 ** 30;
/** A result that is rescaled to int32 for the output keeps this many bits below the unit of its input. */
const OUTPUT_FRACTION = 2 ** -12;

/** All of int32 but its least value. */
export function outputQuantization(scale: number): Quantization {
  const high = 2 ** (OUTPUT_BITS - 1) - 1;
  return { bits: OUTPUT_BITS, scale, zeroPoint: 0, low: -high, high };
}

/** Of a result that is rescaled from a scale; `largest` is the largest real magnitude that it can have. */
export function rescaledOutput(scale: number, largest: number): Quantization {
  return outputQuantization(Math.max(scale * OUTPUT_FRACTION, largest / OUTPUT_LIMIT));
}

/** Of accumulators by their scales and proven magnitudes. */
export function accumulatedOutput(scales: Float64Array, bounds: Float64Array): Quantization {
  const finest = scales.reduce((a, b) => Math.min(a, b));
  const coarsest = scales.reduce((most, scale, o) => Math.max(most, scale * bounds[o] / OUTPUT_LIMIT), 0);
  return outputQuantization(Math.max(finest, coarsest));
}
