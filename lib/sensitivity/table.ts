import { type CandidateBits, candidateName } from "../format/plan.ts";
import type { Sensitivity, SensitivityAlone, SensitivityCandidate, SensitivityLayer } from "../format/sensitivity.ts";
import { END_CANDIDATE } from "./candidates.ts";
import type { ChunkRecord } from "./chunk.ts";
import { shortcutsOf } from "./shortcuts.ts";
import type { StudiedLayer, Study } from "./study.ts";
import { effectiveTrial, type Trial, trialKey } from "./trials.ts";

/** The table from the chunks of all images. */
export function makeTable(study: Study, records: readonly ChunkRecord[]): Sensitivity {
  const { layers, outputMetrics, metric, request, engine } = study;
  const means = meansOf(records.map(({ sums }) => sums), study.samples.length);
  const shortcuts = shortcutsOf(engine.graph);
  const { fixEnds = true } = request;
  let next = 0;
  const rows = layers.map((studied): SensitivityLayer => {
    const scores = new Map(studied.trials.map(({ trial }) => {
      const byMetric = outputMetrics.map(() => scoreOf(means[next++]));
      return [trialKey(trial), byMetric] as const;
    }));
    const { layer, isEnd, candidates } = studied;
    const tiedTo = shortcuts.get(layer.name);
    return {
      name: layer.name,
      operator: layer.node.op,
      parameters: layer.parameters,
      macs: layer.macs,
      ...(isEnd && fixEnds && { fixed: candidateName(END_CANDIDATE) }),
      ...(tiedTo !== undefined && { tiedTo }),
      candidates: candidates.map(({ weightBits, activationBits }): SensitivityCandidate => ({
        weightBits,
        activationBits,
        scores: scoresOf(study, studied, scores, { weightBits, activationBits }),
      })),
      alone: {
        weights: widthsOf(candidates, "weightBits").map((bits): SensitivityAlone => ({
          bits,
          scores: scoresOf(study, studied, scores, { weightBits: bits }),
        })),
        activations: widthsOf(candidates, "activationBits").map((bits): SensitivityAlone => ({
          bits,
          scores: scoresOf(study, studied, scores, { activationBits: bits }),
        })),
      },
    };
  });
  const figures = meansOf(records.map(({ baseline }) => baseline), study.samples.length);
  const named = outputMetrics.filter(({ baseline }) => baseline !== undefined).map(({ name }) => name);
  return {
    metric,
    layers: rows,
    samples: study.samples.length,
    ...(named.length > 0 && { baseline: Object.fromEntries(named.map((name, i) => [name, rounded(figures[i])])) }),
  };
}

function scoresOf(
  { metrics, outputMetrics }: Study,
  { layer, quantized, isExact }: StudiedLayer,
  measured: ReadonlyMap<string, readonly number[]>,
  trial: Trial,
): Record<string, number> {
  const byMetric = measured.get(trialKey(effectiveTrial(trial, isExact)));
  return Object.fromEntries(metrics.flatMap((metric) => {
    if (metric.needs !== "weights") return [[metric.name, byMetric?.[outputMetrics.indexOf(metric)] ?? 0]];
    if (trial.weightBits === undefined) return [];
    return [[metric.name, scoreOf(metric.score(layer.weight.data, quantized.get(trial.weightBits)!.weights))]];
  }));
}

/** By position: the mean over all images, added up chunk by chunk. */
function meansOf(chunks: readonly (readonly number[])[], images: number): number[] {
  const [first = []] = chunks;
  return first.map((_, i) => chunks.reduce((sum, chunk) => sum + chunk[i], 0) / images);
}

function widthsOf(candidates: readonly CandidateBits[], which: keyof CandidateBits): number[] {
  return [...new Set(candidates.map((bits) => bits[which]))].sort((a, b) => b - a);
}

function scoreOf(mean: number): number {
  return rounded(Math.max(0, mean));
}

/** 9 significant digits: as exact as the float32 results that scores are made from, and half the text. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
