import type { Range } from "../arith/quantization.ts";
import type { TensorStatistics } from "../format/tensor_statistics.ts";

/** A number that tunes a method: a command line flag `--<name>`, and part of the method's name in artefacts. */
export interface ObserverOption {
  readonly name: string;
  readonly description: string;
  readonly default: number;
  /** Smallest and largest value allowed. */
  readonly low: number;
  readonly high: number;
}

export type ObserverOptions = Readonly<Record<string, number>>;

/** What the range is for: a width, and whether the quantizer must be symmetric about 0 (lib/arith/quantization.ts). */
export interface RangeTarget {
  readonly bits: number;
  readonly symmetric: boolean;
}

/**
 * One calibration method: how the statistics of a tensor become the range of real values that its integers cover. The
 * range always holds 0. Only lib/arith turns it into scale and zero point. Methods are functions of the statistics, so
 * batch size, batch order and shards cannot change what they answer.
 */
export interface Observer {
  readonly name: string;
  /** One sentence, shown by --help. */
  readonly description: string;
  readonly options: readonly ObserverOption[];
  /** The settings that calibration computes for every tensor and that `--method auto` compares. */
  readonly settings: readonly ObserverOptions[];
  /** @throws DyadError (input), naming the tensor, when no value was seen. */
  range(statistics: TensorStatistics, target: RangeTarget, options: ObserverOptions): Range;
}
