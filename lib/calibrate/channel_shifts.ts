import { roundHalfUp } from "../arith/round.ts";
import type { Quantization } from "../arith/quantization.ts";
import type { FloatEngine } from "../float/engine.ts";
import { valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/channel_axis.ts";

/** A quantizer of one tensor. */
export interface TensorQuantizer {
  readonly tensor: string;
  readonly quantization: Quantization;
}

/**
 * How much quantizers move the mean of each channel over some images, E[Q(x) - x]. A quantizer is measured once, however
 * many methods and widths come to it.
 */
export class ChannelShifts {
  /** By tensor, then by quantizer. */
  readonly #found = new Map<string, Map<string, ShiftSums>>();

  constructor(private readonly engine: FloatEngine, private readonly images: readonly Float32Array[]) {}

  /** Runs the images, once for all of `quantizers` that have not been measured yet. */
  measure(quantizers: readonly TensorQuantizer[]): void {
    const missing = new Map<string, ShiftSums[]>();
    for (const { tensor, quantization } of quantizers) {
      const known = this.#found.get(tensor) ?? new Map<string, ShiftSums>();
      this.#found.set(tensor, known);
      const key = keyOf(quantization);
      if (known.has(key)) continue;
      const sums = new ShiftSums(quantization, innermostExtent(valueOf(this.engine.graph, tensor).shape));
      known.set(key, sums);
      missing.set(tensor, [...missing.get(tensor) ?? [], sums]);
    }
    if (missing.size === 0) return;
    for (const image of this.images) {
      this.engine.run(image, (name, data) => missing.get(name)?.forEach((sums) => sums.observe(data)));
    }
  }

  /** Of each channel, innermost, of a quantizer that has been measured. */
  of({ tensor, quantization }: TensorQuantizer): Float64Array {
    return this.#found.get(tensor)!.get(keyOf(quantization))!.means();
  }
}

function keyOf({ scale, zeroPoint, low, high }: Quantization): string {
  return `${scale} ${zeroPoint} ${low} ${high}`;
}

class ShiftSums {
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
        const steps = roundHalfUp(value / scale);
        sums[c] += scale * (steps < least ? least : steps > most ? most : steps) - value;
      }
    }
    this.#count += values.length / this.channels;
  }

  means(): Float64Array {
    return this.#sums.map((sum) => sum / this.#count);
  }
}
