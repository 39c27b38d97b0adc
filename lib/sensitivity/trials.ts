import type { CandidateBits } from "../format/plan.ts";

/** What of a layer is quantized, and to which width; absent: left float. */
export interface Trial {
  readonly weightBits?: number;
  readonly activationBits?: number;
}

/** Equal for equal trials. */
export function trialKey({ weightBits, activationBits }: Trial): string {
  return `${weightBits ?? "float"}/${activationBits ?? "float"}`;
}

/**
 * What has to be run to score `candidates`, each half alone and both together, each trial once. Activation widths that
 * `isExact` count as float; the trial without anything quantized is left out, its scores are 0.
 */
export function trialsOf(candidates: readonly CandidateBits[], isExact: (activationBits: number) => boolean): Trial[] {
  const alone = [
    ...candidates.map(({ weightBits }): Trial => ({ weightBits })),
    ...candidates.map(({ activationBits }): Trial => ({ activationBits })),
  ];
  const trials = [...alone, ...candidates].map((trial) => effectiveTrial(trial, isExact));
  const byKey = new Map(trials.map((trial) => [trialKey(trial), trial]));
  byKey.delete(trialKey({}));
  return [...byKey.values()];
}

/** The trial whose run gives the scores of `trial`: exact activations are as good as float ones. */
export function effectiveTrial(
  { weightBits, activationBits }: Trial,
  isExact: (activationBits: number) => boolean,
): Trial {
  return activationBits !== undefined && isExact(activationBits) ? { weightBits } : { weightBits, activationBits };
}
