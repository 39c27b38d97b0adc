import type { Quantization } from "../arith/quantization.ts";
import { quantize } from "../arith/quantization.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";

/** A fused Relu or Clip: the real result is clamped to [low, high]; infinite where there is no bound. */
export interface ClampBounds {
  readonly low: number;
  readonly high: number;
}

export const UNBOUNDED: ClampBounds = { low: -Infinity, high: Infinity };

/** The integer range that a real clamp and the stored width leave: Relu and Clip cost nothing in integers. */
export function integerBounds(bounds: ClampBounds, q: Quantization): { low: number; high: number } {
  return {
    low: bounds.low === -Infinity ? q.low : quantize(bounds.low, q),
    high: bounds.high === Infinity ? q.high : quantize(bounds.high, q),
  };
}

/**
 * `values` where the clamped result `output` lies between the bounds, 0 where it stands at one: what the derivative of a
 * clamp does to tangents and gradients.
 */
export function betweenBounds(values: Float32Array, output: Tensor, bounds: ClampBounds): Float32Array {
  const low = Math.fround(bounds.low);
  const high = Math.fround(bounds.high);
  const results = (output as FloatTensor).data;
  const kept = values.slice();
  for (let i = 0; i < kept.length; i++) if (results[i] <= low || results[i] >= high) kept[i] = 0;
  return kept;
}
