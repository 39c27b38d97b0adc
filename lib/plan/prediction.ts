import { candidateName, type Plan } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { add, decimalOf, toNumber } from "./decimal.ts";
import { ZERO } from "./problem.ts";

/** The score columns that every layer has at every one of its candidates, in the table's order. */
export function completeMetrics({ layers }: Sensitivity): string[] {
  const rows = layers.flatMap(({ candidates }) => candidates.map(({ scores }) => scores));
  return Object.keys(rows[0]).filter((metric) => rows.every((scores) => Object.hasOwn(scores, metric)));
}

/**
 * What a table predicts that a plan loses: the sum of the layers' scores by one metric at the plan's bits, as if layers
 * added up.
 * @throws RangeError for bits that the table has no score for.
 */
export function predictedLoss({ layers }: Sensitivity, plan: Pick<Plan, "layers">, metric: string): number {
  const bits = new Map(plan.layers.map((layer) => [layer.name, layer]));
  const sum = layers.reduce((total, { name, candidates }) => {
    const chosen = bits.get(name);
    const found = chosen && candidates.find((candidate) => candidateName(candidate) === candidateName(chosen));
    const score = found?.scores[metric];
    if (score === undefined) throw new RangeError(`layer "${name}" has no score "${metric}" at its bits`);
    return add(total, decimalOf(score));
  }, ZERO);
  return toNumber(sum);
}
