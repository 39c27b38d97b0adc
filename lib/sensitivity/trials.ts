import { activationFormatName, type CandidateBits, weightFormatName } from "../format/plan.ts";
import type { FrameLayer } from "./frame.ts";
import { isExact, weightFormats } from "./widths.ts";

/** What of a layer is quantized, and how; absent: left float. */
export interface Trial {
  /** The name of how its weights are stored (`weightFormatName`). */
  readonly weights?: string;
  /** The name of how its input is held (`activationFormatName`). */
  readonly activations?: string;
}

type TriedLayer = Pick<FrameLayer, "candidates" | "exactActivationBits">;

/** Equal for equal trials. */
export function trialKey({ weights, activations }: Trial): string {
  return `${weights ?? "float"}/${activations ?? "float"}`;
}

/** The trial of a candidate, both halves. */
export function trialOf(candidate: Readonly<CandidateBits>): Trial {
  return { weights: weightFormatName(candidate), activations: activationFormatName(candidate) };
}

/**
 * What has to be run to score the candidates of a layer, each half alone and both together, each trial once. Exact
 * activations count as float; the trial without anything quantized is left out, its scores are 0.
 */
export function trialsOf(layer: TriedLayer): Trial[] {
  const { candidates } = layer;
  const alone = [
    ...weightFormats(layer).map((weights): Trial => ({ weights })),
    ...candidates.map((candidate): Trial => ({ activations: activationFormatName(candidate) })),
  ];
  const trials = [...alone, ...candidates.map(trialOf)].map((trial) => effectiveTrial(trial, layer));
  const byKey = new Map(trials.map((trial) => [trialKey(trial), trial]));
  byKey.delete(FLOAT_TRIAL);
  return [...byKey.values()];
}

/** The key of the trial without anything quantized. */
export const FLOAT_TRIAL = trialKey({});

/** The trial whose run gives the scores of `trial`: exact activations are as good as float ones. */
export function effectiveTrial(
  { weights, activations }: Trial,
  layer: Pick<FrameLayer, "exactActivationBits">,
): Trial {
  return activations !== undefined && isExact(activations, layer) ? { weights } : { weights, activations };
}
