import type { Frame } from "./frame.ts";
import { needsRounds } from "./measurements/mod.ts";
import { recordFits, recordsInOrder, type SensitivityRecord, type Unit, unitName, unitsOf } from "./record.ts";
import type { RoundsRule, RoundsVerdict } from "./rounds.ts";

/** Units of work that are to be done before anything is decided. */
export interface Stage {
  /** Rounds of random probes, from 0: the first one, and the one after the last. */
  readonly rounds: readonly [first: number, end: number];
  /** What has to be computed, in order. */
  readonly missing: readonly Unit[];
  /** What an earlier run has computed. */
  readonly finished: readonly Unit[];
}

export interface Collection {
  /** Records of an interrupted run of an equal study; those that do not fit are left aside. */
  readonly finished?: readonly SensitivityRecord[];
  /** Decides about rounds of random probes, where the frame does not say their number. */
  readonly rule?: RoundsRule;
  /** Only these of the units, where the work is dealt out; no rule can decide then. */
  readonly share?: (units: readonly Unit[]) => readonly Unit[];
  /** Computes the missing units of a stage, in any order. */
  measure(stage: Stage): Promise<readonly SensitivityRecord[]>;
}

/** The records of all units, in order, and the rule's last word. */
export interface Collected {
  readonly records: readonly SensitivityRecord[];
  readonly ending: RoundsVerdict["ending"];
}

/**
 * Has everything measured: first what one round needs together with the first rounds of random probes, then as many rounds
 * more as the rule asks for.
 */
export async function collectRecords(frame: Frame, collection: Collection): Promise<Collected> {
  const { finished = [], rule, share = (units) => units, measure } = collection;
  const found = new Map<string, SensitivityRecord>();
  for (const record of finished) if (recordFits(frame, record)) found.set(unitName(record), record);
  const hasRounds = needsRounds(frame.metrics);
  const decide = (end: number): RoundsVerdict | Promise<RoundsVerdict> => {
    if (!hasRounds) return { more: end === 0 ? 1 : 0 };
    if (frame.probes !== undefined) return { more: frame.probes - end, ending: { endedBy: "request" } };
    return rule!(frame, recordsInOrder(frame, [...found.values()], end));
  };
  let [first, verdict] = [0, await decide(0)];
  while (verdict.more > 0) {
    const end = first + verdict.more;
    const units = share(unitsOf(frame, first, end));
    const isFinished = (unit: Unit): boolean => found.has(unitName(unit));
    const missing = units.filter((unit) => !isFinished(unit));
    for (const record of await measure({ rounds: [first, end], missing, finished: units.filter(isFinished) })) {
      found.set(unitName(record), record);
    }
    verdict = await decide(end);
    first = end;
  }
  return { records: recordsInOrder(frame, [...found.values()], first), ending: verdict.ending };
}
