import type { ArrayOf } from "../tensor/dtype.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { inputError } from "./error.ts";

/**
 * What calibration keeps of one tensor: the extremes of each sample, and exact counts of values in bins that are fixed
 * in advance, so that neither batches, nor their order, nor shards change it.
 *
 * The bin of a finite float32 x is its sign and the leading bits of its magnitude: with |x| read as a 31-bit integer,
 *
 *     bin(x) = sign(x) * (bits(|x|) >> (23 - BIN_MANTISSA_BITS)),   0 where |x| < 2^-40
 *
 * that is the exponent and 6 mantissa bits, 64 bins in each octave. Bin b > 0 holds binEdge(b) <= x < binEdge(b + 1),
 * bin -b the negatives of those values. Bins are ordered as their values are.
 */
export interface TensorStatistics {
  /** Name of the tensor, for errors. */
  readonly name: string;
  /** Indices of the samples seen, ascending. */
  readonly samples: ArrayOf<"i32">;
  /** Extremes of those samples: min, max, min, max, ... */
  readonly extremes: ArrayOf<"f32">;
  /** Bins that hold values, ascending. */
  readonly bins: ArrayOf<"i32">;
  /** How many values each of `bins` holds, exact up to 2^53. */
  readonly counts: ArrayOf<"f64">;
}

const BIN_MANTISSA_BITS = 6;
/** Right shift that takes the bits of a float32 to sign, exponent and leading mantissa bits. */
export const BIN_SHIFT = 23 - BIN_MANTISSA_BITS;
/** The bin of 2^-40; values of smaller magnitude are in bin 0. */
export const BIN_MIN = (127 - 40) << BIN_MANTISSA_BITS;
/** One past the last bin of finite values, whose edge is 2^128. */
export const BIN_END = 255 << BIN_MANTISSA_BITS;

/** The smallest magnitude in bin `bin` of BIN_MIN..BIN_END. */
export function binEdge(bin: number): number {
  const steps = 2 ** BIN_MANTISSA_BITS;
  return 2 ** (Math.floor(bin / steps) - 127) * (1 + (bin % steps) / steps);
}

/** The bin of a finite number, rounded to float32 first. */
export function binOf(value: number): number {
  BITS_FLOAT[0] = Math.abs(value);
  const bin = BITS[0] >>> BIN_SHIFT;
  return bin < BIN_MIN ? 0 : value < 0 ? -bin : bin;
}

const BITS_FLOAT = new Float32Array(1);
const BITS = new Uint32Array(BITS_FLOAT.buffer);

/** How many values were seen. */
export function countOf(statistics: TensorStatistics): number {
  return statistics.counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Smallest and largest value seen.
 * @throws DyadError (input) when no value was seen.
 */
export function extremesOf({ name, extremes }: TensorStatistics): { min: number; max: number } {
  if (extremes.length === 0) {
    throw inputError(
      `tensor "${name}": no value was seen in calibration, expected at least one; calibrate with at least one sample`,
    );
  }
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < extremes.length; i += 2) {
    min = Math.min(min, extremes[i]);
    max = Math.max(max, extremes[i + 1]);
  }
  return { min, max };
}

const FIELDS = {
  samples: { prefix: "extremes/", suffix: "/sample" },
  extremes: { prefix: "extremes/", suffix: "/range" },
  bins: { prefix: "histogram/", suffix: "/bin" },
  counts: { prefix: "histogram/", suffix: "/count" },
} as const;

type Field = keyof typeof FIELDS;

function fieldName(field: Field, name: string): string {
  return FIELDS[field].prefix + name + FIELDS[field].suffix;
}

/**
 * Statistics as tensors of the companion file, four for each: `extremes/<name>/sample` i32 [samples],
 * `extremes/<name>/range` f32 [samples, 2], `histogram/<name>/bin` i32 [bins], `histogram/<name>/count` i64 [bins].
 */
export function encodeStatistics(statistics: ReadonlyMap<string, TensorStatistics>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { samples, extremes, bins, counts }] of statistics) {
    tensors.set(fieldName("samples", name), tensor("i32", [samples.length], samples));
    tensors.set(fieldName("extremes", name), tensor("f32", [samples.length, 2], extremes));
    tensors.set(fieldName("bins", name), tensor("i32", [bins.length], bins));
    tensors.set(fieldName("counts", name), tensor("i64", [bins.length], BigInt64Array.from(counts, BigInt)));
  }
  return tensors;
}

/**
 * Statistics from the tensors of the companion file; tensors of other names are left to others.
 * @throws DyadError (input), naming the tensor, for statistics that no calibration can have written.
 */
export function decodeStatistics(tensors: ReadonlyMap<string, Tensor>): Map<string, TensorStatistics> {
  const statistics = new Map<string, TensorStatistics>();
  const { prefix, suffix } = FIELDS.bins;
  for (const key of tensors.keys()) {
    if (!key.startsWith(prefix) || !key.endsWith(suffix) || key.length < prefix.length + suffix.length) continue;
    const name = key.slice(prefix.length, key.length - suffix.length);
    const field = (field: Field): Tensor => fieldOf(tensors, field, name);
    const decoded: TensorStatistics = {
      name,
      samples: expectDtype(field("samples"), "i32", fieldName("samples", name)).data,
      extremes: expectDtype(field("extremes"), "f32", fieldName("extremes", name)).data,
      bins: expectDtype(field("bins"), "i32", fieldName("bins", name)).data,
      counts: Float64Array.from(expectDtype(field("counts"), "i64", fieldName("counts", name)).data, Number),
    };
    checkStatistics(decoded);
    statistics.set(name, decoded);
  }
  return statistics;
}

function fieldOf(tensors: ReadonlyMap<string, Tensor>, field: Field, name: string): Tensor {
  const found = tensors.get(fieldName(field, name));
  if (!found) throw invalid(name, `"${fieldName(field, name)}" is missing`);
  return found;
}

function expectDtype<D extends "i32" | "f32" | "i64">(found: Tensor, dtype: D, key: string): Tensor<D> {
  if (found.dtype !== dtype) throw inputError(`tensor "${key}": found dtype ${found.dtype}, expected ${dtype}`);
  return found as Tensor<D>;
}

function checkStatistics(statistics: TensorStatistics): void {
  const { name, samples, extremes, bins, counts } = statistics;
  if (extremes.length !== 2 * samples.length) {
    throw invalid(name, `${samples.length} samples have ${extremes.length} extremes`);
  }
  if (counts.length !== bins.length) throw invalid(name, `${bins.length} bins have ${counts.length} counts`);
  if ((bins.length === 0) !== (samples.length === 0)) {
    throw invalid(name, `${samples.length} samples fill ${bins.length} bins`);
  }
  samples.forEach((sample, i) => {
    if (sample < 0 || (i > 0 && sample <= samples[i - 1])) throw invalid(name, `sample ${sample} is out of order`);
    const [min, max] = [extremes[2 * i], extremes[2 * i + 1]];
    if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max)) {
      throw invalid(name, `sample ${sample} has the extremes ${min} and ${max}`);
    }
  });
  bins.forEach((bin, i) => {
    const magnitude = Math.abs(bin);
    if (bin !== 0 && (magnitude < BIN_MIN || magnitude >= BIN_END)) throw invalid(name, `there is no bin ${bin}`);
    if (i > 0 && bin <= bins[i - 1]) throw invalid(name, `bin ${bin} is out of order`);
    if (!(counts[i] > 0 && Number.isSafeInteger(counts[i]))) throw invalid(name, `bin ${bin} has count ${counts[i]}`);
  });
  if (bins.length > 0) {
    const { min, max } = extremesOf(statistics);
    if (binOf(min) !== bins[0] || binOf(max) !== bins[bins.length - 1]) {
      throw invalid(name, `the extremes ${min} and ${max} are not in the first and last bin`);
    }
  }
}

function invalid(name: string, found: string): Error {
  return inputError(`statistics of tensor "${name}": ${found}; expected what dyad calibrate writes, make them again`);
}
