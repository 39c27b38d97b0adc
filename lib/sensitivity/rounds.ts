import type { SensitivityRounds } from "../format/sensitivity.ts";
import type { Frame } from "./frame.ts";
import type { SensitivityRecord } from "./record.ts";

/** Whether random probes go on. */
export interface RoundsVerdict {
  /** How many more rounds are to be measured before the rule is asked again; 0 ends the measurement. */
  readonly more: number;
  /** Why it ended, for the table, where `more` is 0. */
  readonly ending?: Omit<SensitivityRounds, "count">;
}

/**
 * Decides how many rounds of random probes are measured. It is asked before the first round and then at ends of rounds
 * only, with the records of all units so far in order, so that its answers depend neither on Workers nor on interruptions.
 */
export type RoundsRule = (
  frame: Frame,
  records: readonly SensitivityRecord[],
) => RoundsVerdict | Promise<RoundsVerdict>;
