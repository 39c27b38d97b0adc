import type { ChannelRequantization, IntegerDType, OutputRange } from "../arith/problem.ts";
import { dyadicFromRatio } from "../arith/dyadic.ts";
import { type ClampBounds, integerBounds, UNBOUNDED } from "./clamp_bounds.ts";
import type { IntegerTensor } from "./operator.ts";

/** Bits above which a value is held as i32 (accumulators and outputs); 9 to 16 bits take u16. */
const WIDE_BITS = 16;

/** How an activation of `bits` is stored. */
export function storageOf(bits: number): IntegerDType {
  return bits <= 8 ? "u8" : bits <= WIDE_BITS ? "u16" : "i32";
}

/** How a result is stored, its clamp in integers: that of the width, narrowed by `bounds`. */
export function outputRange(output: IntegerTensor, bounds: ClampBounds = UNBOUNDED): OutputRange {
  const q = output.quantization;
  return { dtype: storageOf(q.bits), zeroPoint: q.zeroPoint, ...integerBounds(bounds, q) };
}

/** Scales per channel, whether the tensor is an accumulator or has a single scale. */
export function scalesOf(value: IntegerTensor): Float64Array {
  return value.channelScales ?? Float64Array.of(value.quantization.scale);
}

/** Dyadic numbers that bring accumulators with `scales` per channel to the output's scale. */
export function channelRequantization(
  scales: Float64Array,
  output: IntegerTensor,
  bounds: ClampBounds,
): ChannelRequantization {
  const dyadics = Array.from(scales, (scale) => dyadicFromRatio(scale / output.quantization.scale));
  return {
    ...outputRange(output, bounds),
    multipliers: Int32Array.from(dyadics, (d) => d.multiplier),
    shifts: Uint8Array.from(dyadics, (d) => d.shift),
  };
}
