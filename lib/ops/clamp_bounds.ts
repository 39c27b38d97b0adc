import type { Quantization } from "../arith/quantization.ts";
import { quantize } from "../arith/quantization.ts";

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
