import type { Sensitivity, SensitivityLayer } from "../format/sensitivity.ts";
import { candidateName, parseCandidateName } from "../format/plan.ts";
import { seededRandom } from "../tensor/random.ts";
import type { Frame, FrameLayer } from "./frame.ts";
import { Means } from "./means.ts";
import { measurementNamed, measurementsOf } from "./measurements/mod.ts";
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
const COST_TOLERANCE = 0.01;

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
    const means = Means.of(frame, records);
    // On the way a share that is too small is all that has to be known; what stands in the table is the share itself.
    const agreement = await planAgreement(frame, means, { planner, atLeast: next === undefined ? 0 : AGREEMENT });
    if (agreement >= AGREEMENT) return { more: 0, ending: { endedBy: "stability", agreement } };
    return next === undefined ? { more: 0, ending: { endedBy: "limit", agreement } } : { more: next - rounds };
  };
}

export interface AgreementOptions {
  readonly planner: Planner;
  /** Shares below this need not be found out: some share below it is returned then. Default 0. */
  readonly atLeast?: number;
}

/** The least share, over the metrics of random probes, of resamples whose plan is as good as that of all rounds. */
export async function planAgreement(
  frame: Frame,
  means: Means,
  { planner, atLeast = 0 }: AgreementOptions,
): Promise<number> {
  const budgets = budgetsOf(frame.layers);
  const table = tableOf(frame, means);
  const resamples = resamplesOf(roundsOfProbes(frame, means));
  let least = 1;
  for (const metric of probedMetrics(frame)) {
    const scores = scoresOf(table.layers, metric);
    const costOfPlan = async (from: Sensitivity): Promise<number> =>
      costOf(scores, await planFor(planner, from, metric, budgets));
    const bound = await costOfPlan(table) * (1 + COST_TOLERANCE);
    const costs = new Map<string, number>();
    let agreeing = RESAMPLES;
    for (const resample of resamples) {
      const key = resample.join();
      const cost = costs.get(key) ?? await costOfPlan(tableOf(frame, means.resampled(resample)));
      costs.set(key, cost);
      if (cost > bound) agreeing--;
      if (agreeing / RESAMPLES < atLeast) break;
    }
    least = Math.min(least, agreeing / RESAMPLES);
    if (least < atLeast) break;
  }
  return least;
}

/** Rounds drawn with replacement, ascending, so that equal resamples are seen to be equal: few rounds have few. */
function resamplesOf(rounds: number): number[][] {
  const random = seededRandom(rounds);
  return Array.from(
    { length: RESAMPLES },
    () => Array.from({ length: rounds }, () => random.integer(0, rounds - 1)).sort((a, b) => a - b),
  );
}

function roundsOfProbes({ metrics }: Frame, means: Means): number {
  const many = measurementsOf(metrics).filter(({ rounds }) => rounds === "many");
  return many.reduce((least, { name }) => Math.min(least, means.rounds(name)), Infinity);
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
