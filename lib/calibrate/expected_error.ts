import type { Quantization } from "../arith/quantization.ts";
import type { Distribution } from "./distribution.ts";

/** Widths of intervals up to this part of the scale are taken as points. */
const NARROW = 2 ** -6;

/**
 * Expected squared error of quantizing the values of `distribution`, in closed form:
 *
 *     E (x - Q(x))^2 = 1/total * sum over intervals of count * (G(high) - G(low)) / (high - low)
 *
 * with G an antiderivative of the squared error. Q rounds to the nearest multiple of the scale S between
 * L = S * (low - Z) and H = S * (high - Z); with n the nearest integer of x / S and f = x / S - n,
 *
 *     G(x) = S^3 * (n / 12 + f^3 / 3)    L <= x <= H     (every whole cell adds S^3 / 12)
 *     G(x) = G(L) + (x - L)^3 / 3        x < L,          and G(H) + (x - H)^3 / 3 for x > H
 *
 * Intervals far narrower than S are taken as points, where that difference would cancel.
 */
export function expectedSquaredError(distribution: Distribution, quantization: Quantization): number {
  const { lows, highs, counts, total } = distribution;
  const { scale, zeroPoint, low, high } = quantization;
  const bottom = scale * (low - zeroPoint);
  const top = scale * (high - zeroPoint);

  const cube = scale * scale * scale;
  const atBottom = cube * ((low - zeroPoint) / 12);
  const atTop = cube * ((high - zeroPoint) / 12);

  function squaredErrorAt(x: number): number {
    const error = x - (x < bottom ? bottom : x > top ? top : scale * Math.floor(x / scale + 0.5));
    return error * error;
  }
  function integral(x: number): number {
    const beyond = x < bottom ? x - bottom : x > top ? x - top : 0;
    if (beyond !== 0) return (beyond < 0 ? atBottom : atTop) + beyond * beyond * beyond / 3;
    const nearest = Math.floor(x / scale + 0.5);
    const offset = x / scale - nearest;
    return cube * (nearest / 12 + offset * offset * offset / 3);
  }

  const narrow = scale * NARROW;
  let sum = 0;
  let edge = NaN;
  let atEdge = NaN;
  for (let i = 0; i < counts.length; i++) {
    const width = highs[i] - lows[i];
    if (width <= narrow) sum += counts[i] * squaredErrorAt((lows[i] + highs[i]) / 2);
    else {
      const atLow = lows[i] === edge ? atEdge : integral(lows[i]);
      edge = highs[i];
      atEdge = integral(edge);
      sum += counts[i] * ((atEdge - atLow) / width);
    }
  }
  return sum / total;
}
