import type { Sensitivity, SensitivityLayer } from "../format/sensitivity.ts";
import { candidateName, parseCandidateName } from "../format/plan.ts";
import { seededRandom } from "../tensor/random.ts";
import type { Frame, FrameLayer } from "./frame.ts";
import { Means } from "./means.ts";
import { measurementNamed } from "./measurements/mod.ts";
import { METRICS } from "./metrics/mod.ts";
import { roundsOf } from "./record.ts";
import type { RoundsRule } from "./rounds.ts";
import { scoredLayers } from "./table.ts";

/** Limits that a plan of a table has to keep. */
export interface PlanBudget {
  /** Average over the weights of layers that are not fixed. */
  readonly weightBits: number;
  /** Sum over layers of macs x weight bits x activation bits. */
  readonly bops?: number;
}

/** The candidate of every layer, by name, in the plan of least score within a budget; undefined when none fits. */
export type Planner = (
  table: Sensitivity,
  metric: string,
  budget: PlanBudget,
) => Promise<ReadonlyMap<string, string> | undefined>;

/** Numbers of rounds after which it is looked at whether plans are stable; the last one ends the measurement. */
export const CHECKPOINTS: readonly number[] = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/** Bootstrap resamples of the rounds (Efron, "Bootstrap methods: another look at the jackknife", 1979). */
export const RESAMPLES = 40;

/** A plan is as good as another if its cost is at most this part greater. */
export const COST_TOLERANCE = 0.01;

/** Share of resamples whose plan must be as good as that of all rounds. */
export const AGREEMENT = 0.95;

/** The rule in one sentence, for reports and --help. */
export const STABILITY_RULE = `rounds of random probes go on until the plan that the scores imply is stable: of ` +
  `${RESAMPLES} bootstrap resamples of the rounds at least ${100 * AGREEMENT} % give a plan that costs at most ` +
  `${
    100 * COST_TOLERANCE
  } % more than the best one, by the scores of all rounds and within a budget halfway between the ` +
  `narrowest and the widest candidates; at most ${CHECKPOINTS.at(-1)} rounds`;

/**
 * The rule that `STABILITY_RULE` states, for all metrics of random probes that are measured: the measurement ends when all
 * of their plans are stable. The resamples depend on the number of rounds alone.
 */
export function untilStable(planner: Planner): RoundsRule {
  return async (frame, records) => {
    const rounds = roundsOf(records);
    const next = CHECKPOINTS.find((checkpoint) => checkpoint > rounds);
    if (!CHECKPOINTS.includes(rounds)) return { more: (next ?? rounds) - rounds, ending: { endedBy: "limit" } };
    const agreement = await planAgreement(frame, Means.of(frame, records), rounds, planner);
    if (agreement >= AGREEMENT) return { more: 0, ending: { endedBy: "stability", agreement } };
    return { more: (next ?? rounds) - rounds, ending: { endedBy: "limit", agreement } };
  };
}

/** The least share, over the metrics of random probes, of resamples whose plan is as good as that of all rounds. */
export async function planAgreement(frame: Frame, means: Means, rounds: number, planner: Planner): Promise<number> {
  const budgets = budgetsOf(frame.layers);
  const table = tableOf(frame, means);
  let least = 1;
  for (const metric of probedMetrics(frame)) {
    const scores = scoresOf(table.layers, metric);
    const plan = async (from: Sensitivity): Promise<number> =>
      costOf(scores, await planFor(planner, from, metric, budgets));
    const best = await plan(table);
    const random = seededRandom(rounds);
    let agreeing = 0;
    for (let resample = 0; resample < RESAMPLES; resample++) {
      const chosen = Array.from({ length: rounds }, () => random.integer(0, rounds - 1));
      const cost = await plan(tableOf(frame, means.resampled(chosen)));
      if (cost <= best * (1 + COST_TOLERANCE)) agreeing++;
    }
    least = Math.min(least, agreeing / RESAMPLES);
  }
  return least;
}

/** Columns whose scores random probes have a part in. */
function probedMetrics({ metrics }: Frame): string[] {
  const isProbed = (name: string): boolean => measurementNamed(name).rounds === "many";
  return METRICS.filter(({ name, needs }) => metrics.includes(name) && needs.some(isProbed)).map(({ name }) => name);
}

function tableOf(frame: Frame, means: Means): Sensitivity {
  return { metric: frame.metric, layers: scoredLayers(frame, means), samples: frame.samples };
}

function scoresOf(layers: readonly SensitivityLayer[], metric: string): Map<string, Map<string, number>> {
  return new Map(
    layers.map(({ name, candidates }) =>
      [name, new Map(candidates.map((bits) => [candidateName(bits), bits.scores[metric]]))] as const
    ),
  );
}

function costOf(scores: ReadonlyMap<string, ReadonlyMap<string, number>>, plan: ReadonlyMap<string, string>): number {
  let cost = 0;
  for (const [layer, candidate] of plan) cost += scores.get(layer)!.get(candidate)!;
  return cost;
}

/** The plan within the first budget that admits one. Which that is does not depend on the scores. */
async function planFor(
  planner: Planner,
  table: Sensitivity,
  metric: string,
  budgets: readonly PlanBudget[],
): Promise<ReadonlyMap<string, string>> {
  for (const budget of budgets) {
    const plan = await planner(table, metric, budget);
    if (plan !== undefined) return plan;
  }
  throw new RangeError(`no plan keeps to ${budgets.at(-1)!.weightBits} bits per weight`);
}

/**
 * Halfway between the narrowest and the widest candidates: the average of weight bits, and BOPS where activation bits
 * vary. Candidates that trade weight bits for activation bits may admit no plan within both; then weight bits alone count.
 */
export function budgetsOf(layers: readonly FrameLayer[]): PlanBudget[] {
  const free = layers.filter(({ fixed }) => fixed === undefined);
  const halfway = (values: (layer: FrameLayer) => number[], over: readonly FrameLayer[]): number =>
    over.reduce((sum, layer) => sum + (Math.min(...values(layer)) + Math.max(...values(layer))) / 2, 0);
  const parameters = free.reduce((sum, layer) => sum + layer.parameters, 0);
  const bits = halfway(
    ({ candidates, parameters }) => candidates.map(({ weightBits }) => parameters * weightBits),
    free,
  );
  const weightBits = bits / Math.max(1, parameters);
  const widths = new Set(free.flatMap(({ candidates }) => candidates.map(({ activationBits }) => activationBits)));
  if (widths.size < 2) return [{ weightBits }];
  const bops = halfway(({ candidates, fixed, macs }) => {
    const kept = fixed === undefined ? candidates : [parseCandidateName(fixed)!];
    return kept.map(({ weightBits, activationBits }) => macs * weightBits * activationBits);
  }, layers);
  return [{ weightBits, bops }, { weightBits }];
}
