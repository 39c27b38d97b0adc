import { inputError } from "../format/error.ts";
import { checkLabels } from "../format/labels.ts";
import type { Dataset } from "../format/dataset.ts";
import type { Frame } from "./frame.ts";
import { needsRounds } from "./measurements/mod.ts";
import { METRICS } from "./metrics/mod.ts";
import type { Study } from "./study.ts";

export interface FrameOptions {
  /** How many samples are measured. */
  readonly samples: number;
  /** Rounds of random probes, where their number is asked for; without metrics that need probes it does not count. */
  readonly probes?: number;
}

/** The frame of a study's table. */
export function makeFrame({ metric, metrics, layers }: Study, { samples, probes }: FrameOptions): Frame {
  return {
    metric,
    metrics: [...metrics],
    samples,
    ...(probes !== undefined && needsRounds(metrics) && { probes }),
    layers: layers.map(({ row }) => row),
  };
}

/** @throws DyadError (input) for labels that the network cannot give, where a metric needs them. */
export function checkLabelsFit({ metrics, axis }: Study, { name, labels }: Dataset): void {
  if (labels === undefined) return; // tokens that follow fit wherever there are some
  if (!METRICS.some((metric) => metric.needsLabels && metrics.includes(metric.name))) return;
  const { outer, classes, inner } = axis;
  if (outer * inner !== 1) {
    throw inputError(
      `${name}: has one label per image, but the network gives ${outer * inner} distributions per image; ` +
        `leave the labels out`,
    );
  }
  checkLabels(labels, classes, name);
}
