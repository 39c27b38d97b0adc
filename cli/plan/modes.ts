import { usageError } from "../../lib/format/error.ts";
import { longName } from "../flag.ts";
import { additivity } from "./additivity.ts";
import { compare } from "./compare.ts";
import { MEASURING_KEYS, PLAN_FLAGS, type PlanFlagKey, type PlanFlags } from "./flags.ts";
import { frontier } from "./frontier.ts";
import { greedy } from "./greedy.ts";
import type { PlanMode } from "./mode.ts";
import { optimal } from "./optimal.ts";
import { random } from "./random.ts";
import { refine } from "./refine.ts";
import { uniform } from "./uniform.ts";

/** Every way to come by plans; a mode whose flag another one takes gives way to it. */
const MODES: readonly PlanMode[] = [optimal, uniform, greedy, random, refine, frontier, compare, additivity];

/** What measuring cannot do without. */
const REQUIRED_KEYS = ["model", "calibration", "data"] as const;

const nameOf = (key: PlanFlagKey): string => longName(PLAN_FLAGS[key]);

function isGiven(flags: PlanFlags, key: PlanFlagKey): boolean {
  const value = flags[key];
  return Array.isArray(value) && key !== "compare" ? value.length > 0 : value !== undefined && value !== false;
}

/**
 * The mode that flags ask for.
 * @throws DyadError (usage) for flags that cannot go together, or that another one needs.
 */
export function chooseMode(flags: PlanFlags): PlanMode {
  const asked = MODES.filter(({ flag }) => flag !== undefined && isGiven(flags, flag));
  const chosen = asked.filter(({ flag }) => !asked.some(({ takes }) => takes.includes(flag!)));
  if (chosen.length > 1) {
    throw usageError(`${nameOf(chosen[0].flag!)} and ${nameOf(chosen[1].flag!)} cannot go together`);
  }
  const mode = chosen[0] ?? optimal;
  for (const key of Object.keys(PLAN_FLAGS) as PlanFlagKey[]) { // its own keys
    if (isGiven(flags, key) && !isTaken(mode, key)) throw strayFlag(mode, key);
  }
  const measuring = MEASURING_KEYS.filter((key) => isGiven(flags, key));
  if (mode.needsData || measuring.length > 0) {
    const missing = REQUIRED_KEYS.filter((key) => !isGiven(flags, key)).map(nameOf);
    const what = mode.needsData ? nameOf(mode.flag!) : nameOf(measuring[0]);
    if (missing.length > 0) throw usageError(`${what} needs plans to be run; give ${missing.join(", ")}`);
  }
  mode.check?.(flags);
  return mode;
}

function isTaken({ flag, takes }: PlanMode, key: PlanFlagKey): boolean {
  return key === flag || key === "output" || takes.includes(key);
}

function strayFlag({ flag, purpose }: PlanMode, key: PlanFlagKey): Error {
  if (flag !== undefined) {
    return usageError(`${nameOf(flag)} ${purpose}, so ${nameOf(key)} has no meaning; leave one of them out`);
  }
  const users = MODES.filter((mode) => isTaken(mode, key)).map((mode) => nameOf(mode.flag!));
  return usageError(`${nameOf(key)} is for ${users.join(", ")}`);
}
