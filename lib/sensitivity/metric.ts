import type { FrameLayer } from "./frame.ts";
import type { Means } from "./means.ts";
import type { Observation } from "./observation.ts";
import type { Trial } from "./trials.ts";

interface MetricCommon {
  /** The score column in the table, and what --metric takes. */
  readonly name: string;
  /** What the score is, in one sentence; printed by --help. */
  readonly formula: string;
  /** Names of the measurements that its scores are made from; each is run once for all metrics. */
  readonly needs: readonly string[];
  /** Samples without labels will not do. */
  readonly needsLabels?: true;
}

/** A metric of the weights alone: no image is run for it. */
export interface WeightMetric extends MetricCommon {
  readonly kind: "weights";
  /** At least 0, and 0 when both are equal. Both in ONNX order. */
  score(weights: Float32Array, quantized: Float32Array): number;
}

/**
 * A metric of the network's output with one layer quantized, which the measurement "trials" gives. Its score is the mean
 * of `addend` over the images, or 0 where that mean is negative, which only happens to metrics that can also improve.
 */
export interface OutputMetric extends MetricCommon {
  readonly kind: "output";
  /** What one image adds; 0 when both outputs are equal. */
  addend(quantized: Observation, float: Observation): number;
  /** What one image adds to the figure of the float network that the score is to be compared with. */
  baseline?(float: Observation): number;
}

/** A metric made from what other measurements found. */
export interface DerivedMetric extends MetricCommon {
  readonly kind: "derived";
  /** A negative score counts as 0. Undefined where the metric has nothing to say of such a trial. */
  score(layer: FrameLayer, trial: Trial, means: Means): number | undefined;
}

/** A way to score what quantization does: one file in metrics/, one line in metrics/mod.ts. */
export type Metric = WeightMetric | OutputMetric | DerivedMetric;
