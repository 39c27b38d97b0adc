import { inputError } from "../format/error.ts";
import { BIN_END, BIN_MIN, BIN_SHIFT, type TensorStatistics } from "../format/tensor_statistics.ts";

/** Bins of the bits of a float32 shifted by BIN_SHIFT: sign, exponent, leading mantissa bits. */
const DENSE_BINS = 2 ** (32 - BIN_SHIFT);
const NEGATIVE = DENSE_BINS / 2;

/**
 * Collects the statistics of one tensor while data runs through the network. The result depends on which values were
 * observed under which sample index, and on nothing else.
 */
export class StatisticsCollector {
  /** Counts by the leading bits themselves; what is too small, and which sign zero has, is settled when reading. */
  private readonly dense = new Float64Array(DENSE_BINS);
  private readonly extremes = new Map<number, { min: number; max: number }>();

  constructor(private readonly name: string) {}

  /**
   * Adds values of the sample `sample`, its index in the data. A sample may come in several parts; an empty part adds
   * nothing. After an error the collector is of no use.
   * @throws DyadError (input) naming the tensor and the sample for NaN or infinity.
   */
  observe(values: Float32Array, sample: number): void {
    if (values.length === 0) return;
    const { dense } = this;
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    let min = values[0];
    let max = min;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value < min) min = value;
      if (value > max) max = value;
      dense[bits[i] >>> BIN_SHIFT]++;
    }
    this.refuseNonFinite(values, sample);
    const seen = this.extremes.get(sample);
    this.extremes.set(sample, {
      min: Math.min(min, seen?.min ?? Infinity) + 0, // -0 + 0 is 0: one zero, whichever came first
      max: Math.max(max, seen?.max ?? -Infinity) + 0,
    });
  }

  private refuseNonFinite(values: Float32Array, sample: number): void {
    let nonFinite = 0;
    for (let bin = BIN_END; bin < NEGATIVE; bin++) nonFinite += this.dense[bin] + this.dense[NEGATIVE + bin];
    if (nonFinite === 0) return;
    const first = values.findIndex((value) => !Number.isFinite(value));
    throw inputError(
      `tensor "${this.name}", sample ${sample}: found ${nonFinite} of ${values.length} values not finite, the first is ` +
        `${
          values[first]
        } at element ${first}; expected finite numbers, check the model and the preprocessing of the data`,
    );
  }

  statistics(): TensorStatistics {
    const { dense } = this;
    let zeros = 0;
    for (let bin = 0; bin < BIN_MIN; bin++) zeros += dense[bin] + dense[NEGATIVE + bin];
    const bins: number[] = [];
    const counts: number[] = [];
    function add(bin: number, count: number): void {
      if (count === 0) return;
      bins.push(bin);
      counts.push(count);
    }
    for (let bin = BIN_END - 1; bin >= BIN_MIN; bin--) add(-bin, dense[NEGATIVE + bin]);
    add(0, zeros);
    for (let bin = BIN_MIN; bin < BIN_END; bin++) add(bin, dense[bin]);

    const samples = Int32Array.from(this.extremes.keys()).sort();
    const extremes = new Float32Array(2 * samples.length);
    samples.forEach((sample, i) => {
      const { min, max } = this.extremes.get(sample)!;
      extremes.set([min, max], 2 * i);
    });
    return { name: this.name, samples, extremes, bins: Int32Array.from(bins), counts: Float64Array.from(counts) };
  }
}

/**
 * Statistics of the samples of both: associative and commutative, and equal to collecting all samples at once.
 * @throws DyadError (input) for statistics of different tensors, or of the same sample, which would count twice.
 */
export function mergeStatistics(a: TensorStatistics, b: TensorStatistics): TensorStatistics {
  if (a.name !== b.name) {
    throw inputError(`statistics of tensor "${a.name}" cannot be merged with those of "${b.name}"`);
  }
  const counts = new Map<number, number>();
  for (const part of [a, b]) part.bins.forEach((bin, i) => counts.set(bin, (counts.get(bin) ?? 0) + part.counts[i]));
  const bins = Int32Array.from(counts.keys()).sort();

  const rows = new Map<number, Float32Array>();
  for (const part of [a, b]) {
    part.samples.forEach((sample, i) => {
      if (rows.has(sample)) {
        throw inputError(
          `tensor "${a.name}": sample ${sample} is in both of the statistics to merge, expected shards of different ` +
            `samples; calibrate them on parts of the data that do not overlap`,
        );
      }
      rows.set(sample, part.extremes.subarray(2 * i, 2 * i + 2));
    });
  }
  const samples = Int32Array.from(rows.keys()).sort();
  const extremes = new Float32Array(2 * samples.length);
  samples.forEach((sample, i) => extremes.set(rows.get(sample)!, 2 * i));
  return { name: a.name, samples, extremes, bins, counts: Float64Array.from(bins, (bin) => counts.get(bin)!) };
}
