import { type ArtefactContent, encodeArtefact } from "../../lib/format/artefact.ts";
import { usageError } from "../../lib/format/error.ts";
import { type Frontier, FrontierCodec } from "../../lib/format/frontier.ts";
import type { LimitKind, Plan } from "../../lib/format/plan.ts";
import type { LimitTexts } from "../../lib/plan/make_problem.ts";
import { paretoFrontier } from "../../lib/plan/pareto.ts";
import { uniformReferences } from "../../lib/plan/uniform.ts";
import { formatAmount } from "../plan_report.ts";
import { formatNumber, numeric, type Report, type Table } from "../report.ts";
import { comparedMetrics } from "./compare.ts";
import { MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { type LossMeter, openLossMeter } from "./loss_meter.ts";
import { measuredCells, measuredColumns } from "./measured.ts";
import { type Header, naming, planArtefact, type PlanMode, type PlanRequest } from "./mode.ts";
import { openPlot } from "./plot.ts";

/** A metric's plans by rising use. */
export interface MetricFrontier {
  readonly metric: string;
  readonly plans: readonly Plan[];
}

/** `--pareto`: the frontier between score and a limit. */
export const frontier: PlanMode = {
  flag: "pareto",
  purpose: "sweeps a limit",
  takes: [...PROBLEM_KEYS, "metric", "compare", "plot", "loss", ...MEASURING_KEYS],
  check({ compare, metric, loss, data }) {
    if (compare !== undefined && metric !== undefined) {
      throw usageError("--compare lists the metrics, so --metric has no meaning; leave one of them out");
    }
    if (loss !== undefined && data === undefined) throw usageError("--loss needs plans to be measured; give --data");
  },
  async run(request) {
    const { flags, terminal, sensitivity, latency, options, target } = request;
    const { kind, points } = flags.pareto!;
    const plot = openPlot(request);
    const meter = flags.data === undefined ? undefined : openLossMeter(request);
    const metrics = flags.compare === undefined
      ? [options.metric ?? sensitivity.content.metric]
      : comparedMetrics(request, flags.compare);
    const found: MetricFrontier[] = [];
    for (const metric of metrics) {
      const sweep = terminal.withProgress(
        "sweeping",
        (onProgress) =>
          paretoFrontier(sensitivity.content, latency?.content, kind, points, { ...options, metric }, onProgress),
      );
      found.push({ metric, plans: await naming(request, sweep) });
    }
    const uniform = plot === undefined
      ? []
      : uniformReferences(sensitivity.content, latency?.content, { ...options, metric: metrics[0], limits: {} });
    const measured = await measureAll([...found, { metric: metrics[0], plans: uniform }], meter);
    const references = measured.pop()!.plans;
    const header = meter?.recordedIn(request.header) ?? request.header;
    await plot?.write(({ frontierChart }) =>
      frontierChart({ kind, frontiers: measured, references, table: sensitivity.content, loss: meter?.loss })
    );
    await target.write(encodeArtefact(FrontierCodec, contentOf(kind, measured, header)));
    return frontierReport(request, kind, measured, plot?.name);
  },
};

async function measureAll(
  frontiers: readonly MetricFrontier[],
  meter: LossMeter | undefined,
): Promise<MetricFrontier[]> {
  if (meter === undefined) return [...frontiers];
  const measured = (await meter.measure(frontiers.flatMap(({ plans }) => plans))).values();
  return frontiers.map(({ metric, plans }) => ({
    metric,
    plans: plans.map((plan) => ({ ...plan, measured: measured.next().value })),
  }));
}

function contentOf(
  kind: LimitKind,
  [first, ...others]: readonly MetricFrontier[],
  header: Header,
): ArtefactContent<Frontier> {
  const { pareto: _, compare, limits, ...options } = header.options;
  const artefacts = (plans: readonly Plan[]) =>
    plans.map((plan) => {
      const { requested } = sweptOf(plan, kind);
      const ownLimits = { ...(limits as LimitTexts | undefined), [kind]: requested }; // as `recordedOptions` wrote them
      const metric = compare === undefined ? {} : { metric: plan.metric };
      return planArtefact(plan, { ...header, options: { limits: ownLimits, ...options, ...metric } });
    });
  return {
    ...header,
    kind,
    plans: artefacts(first.plans),
    ...others.length > 0 && {
      compared: others.map(({ metric, plans }) => ({ metric, plans: artefacts(plans) })),
    },
  };
}

/** The constraint of the swept limit. */
function sweptOf({ constraints }: Plan, kind: LimitKind) {
  return constraints.find((constraint) => constraint.kind === kind)!;
}

function frontierReport(
  { target }: PlanRequest,
  kind: LimitKind,
  frontiers: readonly MetricFrontier[],
  plot: string | undefined,
): Report {
  const [{ plans }, ...others] = frontiers;
  const written = plot === undefined ? target.name : `${target.name} and ${plot}`;
  return {
    json: { output: target.name, plot, kind, plans, ...others.length > 0 && { compared: others } },
    blocks: [
      ...frontiers.map(({ metric, plans }) => frontierTable(metric, plans, kind)),
      `written to ${written}; --max-${kind} of a row, given to dyad plan, gives its plan`,
    ],
  };
}

function frontierTable(metric: string, plans: readonly Plan[], kind: LimitKind): Table {
  const [{ measured }] = plans;
  return {
    columns: [
      numeric("plan"),
      numeric(`sum of ${metric}`),
      ...measured === undefined ? [] : measuredColumns(measured),
      numeric(kind),
      numeric("bits per weight"),
      { title: `--max-${kind}` },
    ],
    rows: plans.map((plan, i) => {
      const { used, unit, requested } = sweptOf(plan, kind);
      return [
        String(i + 1),
        formatNumber(plan.objective!, 6),
        ...plan.measured === undefined ? [] : measuredCells(plan.measured),
        formatAmount(used, unit),
        formatNumber(plan.totals!.averageWeightBits),
        requested,
      ];
    }),
  };
}
