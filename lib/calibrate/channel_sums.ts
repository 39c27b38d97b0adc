import { inputError } from "../format/error.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** Sums of samples are kept as whole multiples of this, so that adding them up is exact in any order. */
const UNIT = 2 ** -16;

/**
 * Sums per channel of one tensor over all samples. A sample's own sum is rounded to a multiple of 2^-16; totals are exact
 * integers (below 2^53 units), so order and sharding do not change them.
 */
export class ChannelSums {
  readonly #units: Float64Array;
  #count = 0;

  constructor(readonly channels: number) {
    this.#units = new Float64Array(channels);
  }

  /** One sample, channels innermost. */
  observe(values: Float32Array): void {
    const sums = new Float64Array(this.channels);
    for (let start = 0; start < values.length; start += this.channels) {
      for (let c = 0; c < this.channels; c++) sums[c] += values[start + c];
    }
    for (let c = 0; c < this.channels; c++) this.#units[c] += Math.round(sums[c] / UNIT);
    this.#count += values.length / this.channels;
  }

  /** The samples of `other`, a sum over as many channels, too. */
  add(other: ChannelSums): void {
    for (let c = 0; c < this.channels; c++) this.#units[c] += other.#units[c];
    this.#count += other.#count;
  }

  /** Mean of each channel, 9 significant digits. */
  means(): number[] {
    return Array.from(this.#units, (units) => Number((units * UNIT / this.#count).toPrecision(9)));
  }

  /** The totals in units of 2^-16, i64 [channels]. */
  tensor(): Tensor<"i64"> {
    return tensor("i64", [this.channels], BigInt64Array.from(this.#units, BigInt));
  }

  /**
   * What `tensor` came from: sums over `count` values of each channel.
   * @throws DyadError (input) naming `key` for another dtype or shape, and for totals that are not exact.
   */
  static from(totals: Tensor | undefined, channels: number, count: number, key: string): ChannelSums {
    if (totals?.dtype !== "i64" || totals.shape.length !== 1 || totals.shape[0] !== channels) {
      const found = totals === undefined ? "no such tensor" : `${totals.dtype} [${totals.shape}]`;
      throw inputError(`tensor "${key}": found ${found}, expected i64 [${channels}]`);
    }
    const sums = new ChannelSums(channels);
    sums.#units.set(Array.from(totals.data as BigInt64Array, Number)); // the dtype has been looked at
    sums.#count = count;
    if (sums.#units.every(Number.isSafeInteger)) return sums;
    throw inputError(`tensor "${key}": found a sum beyond 2^53, expected what dyad calibrate writes`);
  }
}
