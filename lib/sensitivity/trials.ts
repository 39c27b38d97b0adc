import type { FrameLayer } from "./frame.ts";

/** What of a layer is quantized, and to which width; absent: left float. */
export interface Trial {
  readonly weightBits?: number;
  readonly activationBits?: number;
}

type TriedLayer = Pick<FrameLayer, "candidates" | "exactActivationBits">;

/** Equal for equal trials. */
export function trialKey({ weightBits, activationBits }: Trial): string {
  return `${weightBits ?? "float"}/${activationBits ?? "float"}`;
}

/**
 * What has to be run to score the candidates of a layer, each half alone and both together, each trial once. Exact
 * activations count as float; the trial without anything quantized is left out, its scores are 0.
 */
export function trialsOf(layer: TriedLayer): Trial[] {
  const { candidates } = layer;
  const alone = [
    ...candidates.map(({ weightBits }): Trial => ({ weightBits })),
    ...candidates.map(({ activationBits }): Trial => ({ activationBits })),
  ];
  const trials = [...alone, ...candidates].map((trial) => effectiveTrial(trial, layer));
  const byKey = new Map(trials.map((trial) => [trialKey(trial), trial]));
  byKey.delete(FLOAT_TRIAL);
  return [...byKey.values()];
}

/** The key of the trial without anything quantized. */
export const FLOAT_TRIAL = trialKey({});

/** The trial whose run gives the scores of `trial`: exact activations are as good as float ones. */
export function effectiveTrial(
  { weightBits, activationBits }: Trial,
  { exactActivationBits }: Pick<FrameLayer, "exactActivationBits">,
): Trial {
  const isExact = activationBits !== undefined && activationBits === exactActivationBits;
  return isExact ? { weightBits } : { weightBits, activationBits };
}
