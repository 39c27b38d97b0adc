import {
  type ActivationFormat,
  activationFormatName,
  activationFormatOf,
  type CandidateBits,
  candidateBitsOf,
  type WeightFormat,
  weightFormatName,
  weightFormatOf,
} from "../format/plan.ts";
import type {
  Sensitivity,
  SensitivityAloneActivations,
  SensitivityAloneWeights,
  SensitivityCandidate,
  SensitivityCurvature,
  SensitivityLayer,
  SensitivityRounds,
} from "../format/sensitivity.ts";
import type { Frame, FrameLayer } from "./frame.ts";
import { Means } from "./means.ts";
import { measurementsOf } from "./measurements/mod.ts";
import { baselineQuantity, outputMetricsOf, trialQuantity, trials } from "./measurements/trials.ts";
import type { Metric } from "./metric.ts";
import { METRICS } from "./metrics/mod.ts";
import { roundsOf, type SensitivityRecord } from "./record.ts";
import { rounded } from "./rounded.ts";
import { effectiveTrial, FLOAT_TRIAL, type Trial, trialKey, trialOf } from "./trials.ts";

/**
 * The table from the records of all units of work, in any order; the model is not needed for it. `ending` says why the
 * rounds of random probes ended, where their number was not asked for.
 */
export function assembleTable(
  frame: Frame,
  records: readonly SensitivityRecord[],
  ending: Omit<SensitivityRounds, "count"> = { endedBy: "request" },
): Sensitivity {
  const means = Means.of(frame, records);
  const baseline = outputMetricsOf(frame.metrics).filter((metric) => metric.baseline !== undefined)
    .map(({ name }) => [name, rounded(means.mean(trials.name, baselineQuantity(name)))] as const);
  const count = roundsOf(records);
  return {
    metric: frame.metric,
    layers: scoredLayers(frame, means),
    samples: frame.samples,
    ...(baseline.length > 0 && { baseline: Object.fromEntries(baseline) }),
    ...(count > 0 && { rounds: { count, ...ending } }),
  };
}

/** The rows of the table, from means of all images. */
export function scoredLayers({ metrics: names, layers }: Frame, means: Means): SensitivityLayer[] {
  const metrics = METRICS.filter(({ name }) => names.includes(name));
  const measurements = measurementsOf(names);
  return layers.map((layer): SensitivityLayer => {
    const { name, operator, parameters, macs, fixed, tiedTo, candidates } = layer;
    const scores = (trial: Trial): Record<string, number> => scoresOf(metrics, layer, trial, means);
    const curvature: SensitivityCurvature = Object.assign(
      {},
      ...measurements.map((measurement) => measurement.curvature?.(layer, means)),
    );
    return {
      name,
      operator,
      parameters,
      macs,
      ...(fixed !== undefined && { fixed }),
      ...(tiedTo !== undefined && { tiedTo }),
      candidates: candidates.map((candidate): SensitivityCandidate => ({
        ...candidateBitsOf(candidate),
        scores: scores(trialOf(candidate)),
      })),
      alone: {
        weights: weightsOf(candidates).map(({ weightBits, ...format }): SensitivityAloneWeights => ({
          bits: weightBits,
          ...format,
          scores: scores({ weights: weightFormatName({ weightBits, ...format }) }),
        })),
        activations: activationsOf(candidates).map(({ activationBits, ...format }): SensitivityAloneActivations => ({
          bits: activationBits,
          ...format,
          scores: scores({ activations: activationFormatName({ activationBits, ...format }) }),
        })),
      },
      ...(Object.keys(curvature).length > 0 && { curvature }),
    };
  });
}

function scoresOf(metrics: readonly Metric[], layer: FrameLayer, trial: Trial, means: Means): Record<string, number> {
  return Object.fromEntries(metrics.flatMap((metric) => {
    const score = rawScore(metric, layer, trial, means);
    return score === undefined ? [] : [[metric.name, rounded(Math.max(0, score))]];
  }));
}

function rawScore(metric: Metric, layer: FrameLayer, trial: Trial, means: Means): number | undefined {
  if (metric.kind === "derived") return metric.score(layer, trial, means);
  if (metric.kind === "weights") {
    return trial.weights === undefined ? undefined : layer.weightScores[trial.weights][metric.name];
  }
  const run = effectiveTrial(trial, layer);
  return trialKey(run) === FLOAT_TRIAL ? 0 : means.mean(trials.name, trialQuantity(metric.name, run), layer.name);
}

/** How candidates store weights, each once, most bits first, integers before codes. */
function weightsOf(candidates: readonly CandidateBits[]): WeightFormat[] {
  const byName = new Map(candidates.map((candidate) => [weightFormatName(candidate), weightFormatOf(candidate)]));
  return [...byName.values()].sort((a, b) =>
    b.weightBits - a.weightBits || Number(a.weightFormat !== undefined) - Number(b.weightFormat !== undefined)
  );
}

/** How candidates hold activations, in the same order. */
function activationsOf(candidates: readonly CandidateBits[]): ActivationFormat[] {
  const byName = new Map(candidates.map((bits) => [activationFormatName(bits), activationFormatOf(bits)]));
  return [...byName.values()].sort((a, b) =>
    b.activationBits - a.activationBits ||
    Number(a.activationFormat !== undefined) - Number(b.activationFormat !== undefined)
  );
}
