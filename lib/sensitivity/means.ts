import type { Frame } from "./frame.ts";
import { measurementNamed, measurementsOf } from "./measurements/mod.ts";
import { recordsInOrder, roundsOf, type SensitivityRecord } from "./record.ts";

/** Means over the images of one measurement: by round, then by quantity. */
interface Rounds {
  readonly means: readonly (readonly number[])[];
  /** Positions of quantities by layer ("" for the network) and name. */
  readonly positions: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** What the records of all images come to: the mean over images of every quantity, in every round. */
export class Means {
  private constructor(private readonly byMeasurement: ReadonlyMap<string, Rounds>) {}

  /** Means of records that are complete up to their last round, in any order. */
  static of(frame: Frame, records: readonly SensitivityRecord[]): Means {
    const ordered = recordsInOrder(frame, records, Math.max(1, roundsOf(records)));
    return new Means(
      new Map(
        measurementsOf(frame.metrics).map((measurement) => {
          const own = ordered.filter((record) => record.measurement === measurement.name);
          const rounds = Array.from({ length: (own.at(-1)?.round ?? -1) + 1 }, (_, round) => round);
          const positions = new Map<string, Map<string, number>>();
          for (const [i, { layer = "", name }] of measurement.quantities(frame).entries()) {
            const names = positions.get(layer) ?? new Map<string, number>();
            positions.set(layer, names.set(name, i));
          }
          const means = rounds.map((round) => meansOf(own.filter((record) => record.round === round), frame.samples));
          return [measurement.name, { means, positions }] as const;
        }),
      ),
    );
  }

  /**
   * The means as they would be had measurements of many rounds had these rounds, which may repeat: a bootstrap resample
   * (Efron 1979).
   */
  resampled(rounds: readonly number[]): Means {
    return new Means(
      new Map(Array.from(this.byMeasurement, ([name, measured]) => {
        if (measurementNamed(name).rounds === "one") return [name, measured] as const;
        return [name, { ...measured, means: rounds.map((round) => measured.means[round]) }] as const;
      })),
    );
  }

  /** How many rounds of a measurement there are. */
  rounds(measurement: string): number {
    return this.#roundsOf(measurement).means.length;
  }

  /** The mean over the images of a quantity in each round; without `layer`, of one of the whole network. */
  byRound(measurement: string, quantity: string, layer = ""): number[] {
    const { means, positions } = this.#roundsOf(measurement);
    const position = positions.get(layer)?.get(quantity);
    if (position === undefined) throw new RangeError(`${measurement} has no quantity "${quantity}" of "${layer}"`);
    return means.map((round) => round[position]);
  }

  /** The mean over images and rounds. */
  mean(measurement: string, quantity: string, layer = ""): number {
    const rounds = this.byRound(measurement, quantity, layer);
    return rounds.reduce((a, b) => a + b, 0) / rounds.length;
  }

  #roundsOf(measurement: string): Rounds {
    const rounds = this.byMeasurement.get(measurement);
    if (rounds === undefined) throw new RangeError(`${measurement} was not measured`);
    return rounds;
  }
}

/** By quantity: the mean over all images, added up chunk by chunk. */
function meansOf(chunks: readonly SensitivityRecord[], images: number): number[] {
  return chunks[0].sums.map((_, i) => chunks.reduce((sum, { sums }) => sum + sums[i], 0) / images);
}
