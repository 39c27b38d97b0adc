import { standardErrorsBelow } from "../../lib/arith/paired_difference.ts";
import { usageError } from "../../lib/format/error.ts";
import { type LossName, lossOf } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { type MeasuredPlan, type PlanOrigin, refinePlan } from "../../lib/plan/refine.ts";
import type { Evaluation } from "../jobs/evaluate.ts";
import { formatNumber, numeric, type Table } from "../report.ts";
import { MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { openLossMeter } from "./loss_meter.ts";
import { differingLayers, leastLoss, measuredCells, measuredColumns } from "./measured.ts";
import { naming, type PlanMode, writePlan } from "./mode.ts";

/**
 * By so many standard errors of the difference, over samples, a plan must lose less than the optimal one: of plans that
 * are no better, one in 740 does by chance, and some hundred are measured.
 */
const STANDARD_ERRORS = 3;

/** `--refine`: of plans with small sums of scores that lose less than the optimal one when they are run, the best. */
export const refine: PlanMode = {
  flag: "refine",
  purpose: "measures plans and keeps one",
  takes: [...PROBLEM_KEYS, "metric", "loss", ...MEASURING_KEYS],
  needsData: true,
  async run(request) {
    const { flags, sensitivity, latency, options, header, terminal } = request;
    const meter = openLossMeter(request);
    if (meter.samples < 2) {
      throw usageError(`--refine on ${meter.samples} sample cannot tell plans apart; ask for at least 2`);
    }
    const count = flags.refine!;
    const { measured, chosen } = await naming(
      request,
      terminal.withProgress(
        "finding plans",
        (onProgress) =>
          refinePlan(sensitivity.content, latency?.content, options, {
            count,
            measure: meter.evaluate,
            lossOf: ({ measured }) => lossOf(measured, meter.loss)!,
            isBetter: (measured, than) => standardErrors(measured, than, meter.loss) > STANDARD_ERRORS,
            onFound: (found) => onProgress(found, count),
          }),
      ),
    );
    const { status: _, ...plan } = measured[chosen].plan;
    const refined: Plan = {
      ...plan,
      method: "refined",
      measured: measured[chosen].measured.measured,
      refinement: {
        loss: meter.loss,
        pool: measured.map(({ plan: { objective, layers }, origin, measured: { measured } }) => ({
          objective,
          bits: layers.map(candidateName),
          origin,
          measured,
        })),
        chosen,
      },
    };
    const table = stageTable(plan.metric!, measured, measured[chosen], meter.loss);
    return await writePlan({ ...request, header: meter.recordedIn(header) }, refined, [table]);
  },
};

type Evaluated = MeasuredPlan<Evaluation>;

function standardErrors({ terms }: Evaluation, than: Evaluation, loss: LossName): number {
  return standardErrorsBelow(terms[loss]!, than.terms[loss]!);
}

const STAGES: Readonly<Record<PlanOrigin, string>> = {
  sum: "best by the sum",
  greedy: "greedy",
  search: "best near the best",
};

/** The optimal plan, which would have been chosen without measuring, the best plan of each origin, and the chosen one. */
function stageTable(metric: string, evaluated: readonly Evaluated[], chosen: Evaluated, loss: LossName): Table {
  const [optimal] = evaluated;
  const row = (title: string, count: number, { plan, measured }: Evaluated): string[] => [
    title,
    String(count),
    formatNumber(plan.objective, 6),
    ...measuredCells(measured.measured),
    plan === optimal.plan ? "" : standardErrors(measured, optimal.measured, loss).toFixed(1),
    String(differingLayers(optimal.plan, plan)),
  ];
  return {
    columns: [
      { title: "plan" },
      numeric("of"),
      numeric(`sum of ${metric}`),
      ...measuredColumns(optimal.measured.measured),
      numeric("standard errors below"),
      numeric("differing layers"),
    ],
    rows: [
      row("optimal by the sum", 1, optimal),
      ...Array.from(
        Map.groupBy(evaluated, ({ origin }) => origin),
        ([origin, plans]) => {
          const best = plans[leastLoss(plans.map(({ measured }) => measured.measured), loss)];
          return row(STAGES[origin], plans.length, best);
        },
      ),
      row(`chosen (more than ${STANDARD_ERRORS} below, or the optimal)`, evaluated.length, chosen),
    ],
  };
}
