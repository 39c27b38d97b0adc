import type { MeasuredLoss } from "../../lib/format/measured_loss.ts";
import { lossOf } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { type MeasuredPlan, type PlanOrigin, refinePlan } from "../../lib/plan/refine.ts";
import { formatNumber, numeric, type Table } from "../report.ts";
import { MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { openLossMeter } from "./loss_meter.ts";
import { differingLayers, leastLoss, measuredCells, measuredColumns } from "./measured.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/** `--refine`: of plans with small sums of scores the one that loses least when it is run. */
export const refine: PlanMode = {
  flag: "refine",
  purpose: "measures plans and keeps one",
  takes: [...PROBLEM_KEYS, "metric", "loss", ...MEASURING_KEYS],
  needsData: true,
  async run(request) {
    const { flags, sensitivity, latency, options, header, terminal } = request;
    const meter = openLossMeter(request);
    const count = flags.refine!;
    const { measured, chosen } = await naming(
      request,
      terminal.withProgress(
        "finding plans",
        (onProgress) =>
          refinePlan(sensitivity.content, latency?.content, options, {
            count,
            measure: meter.measure,
            lossOf: (each) => lossOf(each, meter.loss)!,
            onFound: (found) => onProgress(found, count),
          }),
      ),
    );
    const { status: _, ...plan } = measured[chosen].plan;
    const refined: Plan = {
      ...plan,
      method: "refined",
      measured: measured[chosen].measured,
      refinement: {
        loss: meter.loss,
        pool: measured.map(({ plan: { objective, layers }, origin, measured }) => ({
          objective,
          bits: layers.map(candidateName),
          origin,
          measured,
        })),
        chosen,
      },
    };
    const table = stageTable(plan.metric!, measured, (each) => leastLoss(each, meter.loss));
    return await writePlan({ ...request, header: meter.recordedIn(header) }, refined, [table]);
  },
};

const STAGES: Readonly<Record<PlanOrigin, string>> = {
  sum: "best by the sum",
  greedy: "greedy",
  search: "best near the best",
};

/** The optimal plan, which would have been chosen without measuring, then the best plan of each origin. */
function stageTable(
  metric: string,
  measured: readonly MeasuredPlan<MeasuredLoss>[],
  least: (measured: readonly MeasuredLoss[]) => number,
): Table {
  const [optimal] = measured;
  const row = (title: string, count: number, { plan, measured }: MeasuredPlan<MeasuredLoss>): string[] => [
    title,
    String(count),
    formatNumber(plan.objective, 6),
    ...measuredCells(measured),
    String(differingLayers(optimal.plan, plan)),
  ];
  return {
    columns: [
      { title: "plan" },
      numeric("of"),
      numeric(`sum of ${metric}`),
      ...measuredColumns(optimal.measured),
      numeric("differing layers"),
    ],
    rows: [
      row("optimal by the sum", 1, optimal),
      ...Array.from(Map.groupBy(measured, ({ origin }) => origin), ([origin, plans]) => {
        const best = plans[least(plans.map((plan) => plan.measured))];
        return row(STAGES[origin], plans.length, best);
      }),
    ],
  };
}
