import type { SensitivityCurvature } from "../format/sensitivity.ts";
import type { Frame, FrameLayer } from "./frame.ts";
import type { Means } from "./means.ts";
import type { Sample } from "./samples.ts";
import type { Study } from "./study.ts";

/** What of a frame decides which sums a measurement makes. */
export type Outline = Pick<Frame, "metrics" | "layers">;

/** What one sum of a measurement is, over images. */
export interface Quantity {
  /** The layer that it belongs to; left out for one of the whole network. */
  readonly layer?: string;
  /** Names it among the quantities of its layer, as errors say it: `kl at 4/8`. */
  readonly name: string;
}

/** What is run over samples for some metrics: one file in measurements/, one line in measurements/mod.ts. */
export interface Measurement {
  readonly name: string;
  /**
   * Rounds over all samples: one, or as many as asked for, where each round gives independent estimates of the same means
   * (random probes).
   */
  readonly rounds: "one" | "many";
  /** What its sums are, in order. */
  quantities(outline: Outline): Quantity[];
  /** Multiply-accumulate operations for one image in one round, by which progress is told. */
  workPerImage(outline: Outline): number;
  prepare(study: Study): Meter;
  /** What the table says of a layer beside its scores. */
  curvature?(layer: FrameLayer, means: Means): SensitivityCurvature;
}

/** A measurement made ready for a network. */
export interface Meter {
  /**
   * What the samples add to every sum, in the order of `quantities`: the same numbers wherever and in whatever order it
   * is computed. Yields now and then, with the fraction of the work that is done.
   * @throws DyadError (input) naming the layer or sample for values that are not finite.
   */
  measure(samples: readonly Sample[], round: number): Generator<number, number[]>;
}
