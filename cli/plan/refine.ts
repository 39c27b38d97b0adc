import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { bestPlans } from "../../lib/plan/best_plans.ts";
import { formatNumber, numeric, type Table } from "../report.ts";
import { MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { openLossMeter } from "./loss_meter.ts";
import { differingLayers, leastLoss, measuredCells, measuredColumns } from "./measured.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/** `--refine`: of the plans with the least scores the one that loses least when it is run. */
export const refine: PlanMode = {
  flag: "refine",
  purpose: "measures the best plans and keeps one",
  takes: [...PROBLEM_KEYS, "metric", "loss", ...MEASURING_KEYS],
  needsData: true,
  async run(request) {
    const { flags, sensitivity, latency, options, header, terminal } = request;
    const meter = openLossMeter(request);
    const pool = await naming(
      request,
      terminal.withProgress("finding plans", (onProgress) => {
        const count = flags.refine!;
        return bestPlans(sensitivity.content, latency?.content, options, count, (found) => onProgress(found, count));
      }),
    );
    const measured = await meter.measure(pool);
    const chosen = leastLoss(measured, meter.loss);
    const { status: _, ...plan } = pool[chosen];
    const refined: Plan = {
      ...plan,
      method: "refined",
      measured: measured[chosen],
      refinement: {
        loss: meter.loss,
        pool: pool.map(({ objective, layers }, i) => ({
          objective: objective!,
          bits: layers.map(candidateName),
          measured: measured[i],
        })),
        chosen,
      },
    };
    return await writePlan({ ...request, header: meter.recordedIn(header) }, refined, [poolTable(refined, pool)]);
  },
};

/** The plans of the pool; the first is what would have been chosen without measuring. */
function poolTable({ metric, refinement }: Plan, pool: readonly Plan[]): Table {
  const { chosen, pool: entries } = refinement!;
  return {
    columns: [
      numeric("plan"),
      numeric(`sum of ${metric}`),
      ...measuredColumns(entries[0].measured),
      numeric("differing layers"),
      { title: "" },
    ],
    rows: entries.map(({ objective, measured }, i) => [
      String(i + 1),
      formatNumber(objective, 6),
      ...measuredCells(measured),
      String(differingLayers(pool[0], pool[i])),
      [...i === 0 ? ["optimal by the sum"] : [], ...i === chosen ? ["chosen"] : []].join(", "),
    ]),
  };
}
