import type { Measurement } from "../measurement.ts";
import { METRICS } from "../metrics/mod.ts";
import { activation_error } from "./activation_error.ts";
import { fisher } from "./fisher.ts";
import { hessian_trace } from "./hessian_trace.ts";
import { trials } from "./trials.ts";

/** Every measurement, in the order in which they are run. */
export const MEASUREMENTS: readonly Measurement[] = [trials, activation_error, fisher, hessian_trace];

/** @throws RangeError for a name that is not in the list, a defect of the caller. */
export function measurementNamed(name: string): Measurement {
  const found = MEASUREMENTS.find((measurement) => measurement.name === name);
  if (found === undefined) throw new RangeError(`there is no measurement "${name}"`);
  return found;
}

/** What has to be measured for the metrics of these names, each once. */
export function measurementsOf(metrics: readonly string[]): readonly Measurement[] {
  const needed = new Set(METRICS.filter(({ name }) => metrics.includes(name)).flatMap(({ needs }) => needs));
  return MEASUREMENTS.filter(({ name }) => needed.has(name));
}

/** Whether metrics of these names need random probes, whose rounds are to be counted. */
export function needsRounds(metrics: readonly string[]): boolean {
  return measurementsOf(metrics).some(({ rounds }) => rounds === "many");
}
