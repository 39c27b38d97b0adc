import { encodeArtefact } from "../../lib/format/artefact.ts";
import { ComparisonCodec } from "../../lib/format/comparison.ts";
import { usageError } from "../../lib/format/error.ts";
import type { Plan } from "../../lib/format/plan.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { completeMetrics } from "../../lib/plan/prediction.ts";
import {
  type Column,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatNumber,
  numeric,
  type Report,
  type Table,
} from "../report.ts";
import { MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { openLossMeter } from "./loss_meter.ts";
import { differingLayers, measuredCells, measuredColumns } from "./measured.ts";
import { naming, planArtefact, type PlanMode, type PlanRequest } from "./mode.ts";

const ALL = "all";

/** `--compare`: what each metric makes of the same limits. */
export const compare: PlanMode = {
  flag: "compare",
  purpose: "makes a plan for each metric",
  takes: [...PROBLEM_KEYS, ...MEASURING_KEYS],
  async run(request) {
    const { flags, sensitivity, latency, options } = request;
    const meter = flags.data === undefined ? undefined : openLossMeter(request);
    const made: Plan[] = [];
    for (const metric of comparedMetrics(request, flags.compare!)) {
      const { plan } = await naming(request, makePlan(sensitivity.content, latency?.content, { ...options, metric }));
      made.push(plan);
    }
    const measured = await meter?.measure(made);
    const plans = measured === undefined ? made : made.map((plan, i) => ({ ...plan, measured: measured[i] }));
    const header = meter?.recordedIn(request.header) ?? request.header;
    return await writeComparison({ ...request, header }, plans);
  },
};

/**
 * The metrics that are listed, or all that score every layer at every candidate.
 * @throws DyadError (usage) for a metric that is listed twice.
 */
export function comparedMetrics({ sensitivity }: PlanRequest, listed: readonly string[]): readonly string[] {
  const repeated = listed.find((metric, i) => listed.indexOf(metric) !== i);
  if (repeated !== undefined) throw usageError(`--compare lists ${JSON.stringify(repeated)} twice`);
  return listed.length === 1 && listed[0] === ALL ? allMetrics(sensitivity.content) : listed;
}

/** The table's own metric goes first, for the others are compared with it. */
function allMetrics(table: Sensitivity): string[] {
  const complete = completeMetrics(table);
  return [...complete.filter((metric) => metric === table.metric), ...complete.filter((name) => name !== table.metric)];
}

async function writeComparison({ target, header }: PlanRequest, plans: readonly Plan[]): Promise<Report> {
  const { compare: _, ...options } = header.options;
  const artefacts = plans.map((plan) =>
    planArtefact(plan, { ...header, options: { ...options, metric: plan.metric } })
  );
  await target.write(encodeArtefact(ComparisonCodec, { ...header, plans: artefacts }));
  return {
    json: { output: target.name, plans },
    blocks: [
      comparisonTable(plans),
      `written to ${target.name}; --metric of a row, given to dyad plan, gives its plan`,
    ],
  };
}

function comparisonTable(plans: readonly Plan[]): Table {
  const [{ measured, totals }] = plans;
  const optional = (column: Column, isThere: boolean) => isThere ? [column] : [];
  return {
    columns: [
      { title: "metric" },
      numeric("its sum"),
      numeric("weights"),
      numeric("BOPS"),
      ...optional(numeric("latency"), totals?.latencyMs !== undefined),
      numeric("bits per weight"),
      numeric("differing layers"),
      ...measured === undefined ? [] : measuredColumns(measured),
    ],
    rows: plans.map((plan) => {
      const { sizeBytes, bops, latencyMs, averageWeightBits } = plan.totals!;
      return [
        plan.metric!,
        formatNumber(plan.objective!, 6),
        formatBytes(sizeBytes),
        formatCount(bops),
        ...latencyMs === undefined ? [] : [formatMilliseconds(latencyMs)],
        formatNumber(averageWeightBits),
        plan === plans[0] ? "" : String(differingLayers(plans[0], plan)),
        ...plan.measured === undefined ? [] : measuredCells(plan.measured),
      ];
    }),
  };
}
