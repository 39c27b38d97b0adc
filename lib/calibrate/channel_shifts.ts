import { clamp, roundHalfUp } from "../arith/round.ts";
import type { Quantization } from "../arith/quantization.ts";

/** Collects how much quantization moves the mean of each channel (innermost) of one tensor: E[Q(x) - x]. */
export class ChannelShifts {
  readonly #sums: Float64Array;
  #count = 0;

  constructor(readonly quantization: Quantization, readonly channels: number) {
    this.#sums = new Float64Array(channels);
  }

  observe(values: Float32Array): void {
    const { scale, zeroPoint, low, high } = this.quantization;
    const sums = this.#sums;
    const least = low - zeroPoint;
    const most = high - zeroPoint;
    for (let i = 0; i < values.length; i += this.channels) {
      for (let c = 0; c < this.channels; c++) {
        const value = values[i + c];
        sums[c] += scale * clamp(roundHalfUp(value / scale), least, most) - value;
      }
    }
    this.#count += values.length / this.channels;
  }

  means(): Float64Array {
    return this.#sums.map((sum) => sum / this.#count);
  }
}
