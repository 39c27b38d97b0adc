import { usageError } from "../format/error.ts";
import { trials } from "./measurements/trials.ts";
import type { Metric } from "./metric.ts";
import { METRICS } from "./metrics/mod.ts";

/** What is measured unless more is asked for: nothing random, and no derivatives. */
const DEFAULT_MEASUREMENTS: readonly string[] = [trials.name];

/** What decides which metrics are measured. */
export interface MetricChoice {
  /** By name; `all` is all that the data have labels for, and left out are those that trials and weights alone give. */
  readonly metrics?: readonly string[] | "all";
  readonly hasLabels: boolean;
  readonly dataName: string;
}

/**
 * The metrics to measure, in the order of the list: those chosen, and `metric`, which plan minimises by default.
 * @throws DyadError (usage) for a name that no metric has, and for metrics that need labels where there are none.
 */
export function chooseMetrics(metric: string, { metrics, hasLabels, dataName }: MetricChoice): Metric[] {
  const asked = new Set([metric, ...metrics === "all" ? [] : metrics ?? []]);
  for (const name of asked) {
    const found = METRICS.find((each) => each.name === name);
    if (found === undefined) {
      const names = METRICS.map((each) => `"${each.name}"`).join(", ");
      throw usageError(`found the metric "${name}", expected one of ${names}`);
    }
    if (found.needsLabels && !hasLabels) {
      throw usageError(`the metric "${name}" needs labels, but ${dataName} has none; give --labels`);
    }
  }
  const isTaken = ({ needs, needsLabels }: Metric): boolean => {
    if (Array.isArray(metrics) || (needsLabels && !hasLabels)) return false;
    return metrics === "all" || needs.every((name) => DEFAULT_MEASUREMENTS.includes(name));
  };
  return METRICS.filter((each) => asked.has(each.name) || isTaken(each));
}
