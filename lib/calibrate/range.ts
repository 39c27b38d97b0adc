import {
  activationQuantization,
  type Quantization,
  type Range,
  symmetricActivationQuantization,
} from "../arith/quantization.ts";
import type { RangeTarget } from "./observer.ts";

/** The range widened to hold 0, so that real 0 (padding, ReLU) is one of its integers. */
export function includingZero(min: number, max: number): Range {
  return { min: Math.min(min, 0), max: Math.max(max, 0) };
}

/** The quantizer that later stages make from a range. */
export function quantizationOf(range: Range, { bits, symmetric }: RangeTarget): Quantization {
  return symmetric ? symmetricActivationQuantization(range, bits) : activationQuantization(range, bits);
}
