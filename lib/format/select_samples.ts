import { seededRandom } from "../tensor/random.ts";
import { usageError } from "./error.ts";

/** Which samples of the data are asked for. */
export interface SampleSelection {
  /** How many samples; all if left out or more than there are. */
  readonly limit?: number;
  /** Take a random subset that this number decides; the first samples if left out. */
  readonly seed?: number;
}

/** Indices of the samples to run out of `count`, ascending. @throws DyadError (usage) for a limit that takes none. */
export function selectSamples(count: number, { limit = count, seed }: SampleSelection): number[] {
  if (!Number.isInteger(limit) || limit < 1) {
    throw usageError(`found the limit ${limit}, expected a positive whole number of samples`);
  }
  const all = seed === undefined ? Array.from({ length: count }, (_, i) => i) : seededRandom(seed).permutation(count);
  return all.slice(0, limit).sort((a, b) => a - b);
}
