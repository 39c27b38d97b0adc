import { type Change, compileFloat } from "../../float/engine.ts";
import { floatOutput } from "../float_output.ts";
import type { FrameLayer } from "../frame.ts";
import type { Measurement, Meter, Outline, Quantity } from "../measurement.ts";
import type { OutputMetric } from "../metric.ts";
import { METRICS } from "../metrics/mod.ts";
import { Observation } from "../observation.ts";
import type { Sample } from "../samples.ts";
import type { StudiedLayer, Study } from "../study.ts";
import { type Trial, trialKey, trialsOf } from "../trials.ts";

/**
 * One layer quantized at a time, its weights and its input, each alone and both together, and everything behind it run
 * again: what every output metric says of the output.
 */
export const trials: Measurement = { name: "trials", rounds: "one", quantities, workPerImage, prepare };

/** The quantity of an output metric with a layer quantized so. */
export function trialQuantity(metric: string, trial: Trial): string {
  return `${metric} at ${trialKey(trial)}`;
}

/** The quantity, of the whole network, of an output metric's figure of the float network. */
export function baselineQuantity(metric: string): string {
  return `${metric} of the float network`;
}

/** The output metrics among these. */
export function outputMetricsOf(names: readonly string[]): OutputMetric[] {
  return METRICS.filter((metric): metric is OutputMetric => metric.kind === "output" && names.includes(metric.name));
}

function quantities({ metrics, layers }: Outline): Quantity[] {
  const outputMetrics = outputMetricsOf(metrics);
  return [
    ...layers.flatMap((layer) =>
      trialsOf(layer).flatMap((trial) =>
        outputMetrics.map(({ name }): Quantity => ({ layer: layer.name, name: trialQuantity(name, trial) }))
      )
    ),
    ...outputMetrics.filter(({ baseline }) => baseline !== undefined)
      .map(({ name }): Quantity => ({ name: baselineQuantity(name) })),
  ];
}

/** The float run, then every trial of a layer runs from that layer to the output. */
function workPerImage({ layers }: Outline): number {
  return workAfter(layers).at(-1)!;
}

/** The work on one image when all trials of each layer are done. */
function workAfter(layers: readonly FrameLayer[]): number[] {
  const behind = layers.map((_, i) => layers.slice(i).reduce((sum, { macs }) => sum + macs, 0));
  let done = behind[0];
  return layers.map((layer, i) => done += trialsOf(layer).length * behind[i]);
}

function prepare(study: Study): Meter {
  const variants = study.layers.map(({ layer, quantized }) => [layer.name, quantized] as const);
  const engine = compileFloat(study.graph, new Map(variants), study.request);
  const metrics = outputMetricsOf(study.metrics);
  const withBaseline = metrics.filter(({ baseline }) => baseline !== undefined);
  const changes = study.layers.map((layer) => trialsOf(layer.row).map((trial) => changeOf(layer, trial)));
  const parts = workAfter(study.layers.map(({ row }) => row));
  const whole = parts.at(-1)!;

  function* measure(samples: readonly Sample[]): Generator<number, number[]> {
    const sums = new Float64Array(changes.flat().length * metrics.length);
    const baseline = new Float64Array(withBaseline.length);
    for (const [done, sample] of samples.entries()) {
      const output = floatOutput(study, sample, (image) => engine.run(image));
      const expected = sample.label === undefined ? sample.targets : [sample.label];
      const float = new Observation(output, study.axis, expected);
      withBaseline.forEach((metric, i) => baseline[i] += metric.baseline!(float));
      let next = 0;
      for (const [i, ofLayer] of changes.entries()) {
        for (const change of ofLayer) {
          const quantized = new Observation(engine.rerun(change), float.axis, expected);
          for (const metric of metrics) sums[next++] += metric.addend(quantized, float);
        }
        yield (done + parts[i] / whole) / samples.length;
      }
    }
    return [...sums, ...baseline];
  }

  return { measure };
}

function changeOf({ layer, inputQuantizers }: StudiedLayer, { weights, activations }: Trial): Change {
  return {
    layer: layer.name,
    weights,
    input: activations === undefined ? undefined : inputQuantizers.get(activations),
  };
}
