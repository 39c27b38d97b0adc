import type { Additivity } from "../../lib/format/additivity.ts";
import { type LossName, lossOf } from "../../lib/format/measured_loss.ts";
import { candidateName, type LimitKind, type Plan } from "../../lib/format/plan.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import { predictedLoss } from "../../lib/plan/prediction.ts";
import { renderSvg } from "../chart.ts";
import type { MetricFrontier } from "./frontier.ts";

const LOSS_TITLES: Readonly<Record<LossName, string>> = {
  kl: "measured KL (nats)",
  "cross-entropy": "measured cross-entropy (nats)",
};

/** With a precision of its own: the one that the step between ticks implies makes 10 a "1e+1". */
const NUMBER = ".6~g";

interface Axis {
  readonly title: string;
  read(plan: Plan): number;
}

const USE_AXES: Readonly<Record<LimitKind, Axis>> = {
  size: { title: "size of the weights (KiB)", read: ({ totals }) => totals!.sizeBytes / 1024 },
  bops: { title: "bit operations per image (10⁹ BOPS)", read: ({ totals }) => totals!.bops / 1e9 },
  latency: { title: "latency by the table (ms)", read: ({ totals }) => totals!.latencyMs! },
  "weight-bits": { title: "bits per weight on average (bits)", read: ({ totals }) => totals!.averageWeightBits },
};

export interface FrontierChart {
  readonly kind: LimitKind;
  readonly frontiers: readonly MetricFrontier[];
  /** Uniform plans. */
  readonly references: readonly Plan[];
  /** What the plans were made from. */
  readonly table: Sensitivity;
  /** The measured loss to show; undefined where nothing was measured. */
  readonly loss?: LossName;
}

/**
 * What plans cost against what they lose: by measurement, or else by the sum of the first metric's scores, on which
 * the plans of all metrics can be compared.
 */
export async function frontierChart({ kind, frontiers, references, table, loss }: FrontierChart): Promise<string> {
  const [{ metric: first }] = frontiers;
  const y: Axis = loss === undefined
    ? {
      title: `sum of ${first} over the layers`,
      read: (plan) => predictedLoss(table, plan, first),
    }
    : { title: LOSS_TITLES[loss], read: ({ measured }) => lossOf(measured!, loss)! };
  const x = USE_AXES[kind];
  const pointOf = (plan: Plan) => ({ x: x.read(plan), y: y.read(plan) });
  const points = frontiers.flatMap(({ metric, plans }) => plans.map((plan) => ({ ...pointOf(plan), series: metric })));
  const uniform = references.filter(({ totals }) => kind !== "latency" || totals?.latencyMs !== undefined)
    .map((plan) => ({ ...pointOf(plan), bits: uniformName(plan) }));
  const scale = scaleOf([...points, ...uniform].map((point) => point.y));
  const encoding = {
    x: { field: "x", type: "quantitative", title: x.title, scale: { zero: false, nice: false, padding: 44 } },
    y: { field: "y", type: "quantitative", title: y.title, scale, axis: { tickCount: 6, format: NUMBER } },
  } as const;
  return await renderSvg({
    width: 560,
    height: 360,
    layer: [
      {
        data: { values: points },
        mark: {
          type: "line",
          interpolate: "step-after",
          strokeWidth: 2,
          point: points.length <= POINTS_MAX && { filled: true, size: 40 },
        },
        encoding: {
          ...encoding,
          color: {
            field: "series",
            type: "nominal",
            sort: null,
            title: "plans by",
            legend: frontiers.length > 1 ? {} : null,
          },
        },
      },
      {
        data: { values: uniform },
        mark: { type: "point", shape: "diamond", filled: true, size: 90, color: "#222222" },
        encoding,
      },
      ...[{ stroke: "white", strokeWidth: 4 }, {}].map((halo) => ({
        data: { values: uniform },
        mark: { type: "text" as const, align: "center" as const, dy: -13, ...halo },
        encoding: { ...encoding, text: { field: "bits", type: "nominal" as const } },
      })),
    ],
  });
}

/** "uniform 4/8", by the bits of most layers: fixed layers keep their own. */
function uniformName({ layers }: Plan): string {
  const names = layers.map(candidateName);
  const counts = Map.groupBy(names, (name) => name);
  const [common] = [...counts].sort(([, a], [, b]) => b.length - a.length);
  return `uniform ${common[0]}`;
}

/** More of them would hide the lines. */
const POINTS_MAX = 100;

/** From this ratio of the greatest to the least on, only a logarithmic axis shows both. */
const LOG_RATIO = 30;

function scaleOf(values: readonly number[]) {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return least > 0 && greatest / least >= LOG_RATIO
    ? { type: "log" as const, nice: false, padding: 16 }
    : { type: "linear" as const, zero: least >= 0, padding: 16 };
}

/** A panel for each metric: a point for every random plan, what was predicted against what was measured. */
export async function additivityChart({ metrics, plans, loss }: Additivity): Promise<string> {
  const measured = plans.map((plan) => lossOf(plan.measured, loss)!);
  const format = (value: number | null): string => value === null ? "none" : value.toFixed(3);
  const panels = metrics.map(({ metric, rSquared, rankCorrelation }) => {
    const predicted = plans.map((plan) => plan.predicted[metric]);
    return {
      title: {
        text: metric,
        subtitle: `R² ${format(rSquared)}, rank correlation ${format(rankCorrelation)}`,
      },
      width: 260,
      height: 220,
      data: { values: plans.map((_, i) => ({ x: predicted[i], y: measured[i] })) },
      mark: { type: "point" as const, filled: true, size: 50, opacity: 0.8 },
      encoding: {
        x: {
          field: "x",
          type: "quantitative" as const,
          title: `sum of ${metric} over the layers`,
          scale: scaleOf(predicted),
          axis: { tickCount: 4, format: NUMBER },
        },
        y: {
          field: "y",
          type: "quantitative" as const,
          title: LOSS_TITLES[loss],
          scale: scaleOf(measured),
          axis: { tickCount: 4, format: NUMBER },
        },
      },
    };
  });
  return await renderSvg({ concat: panels, columns: Math.min(2, panels.length), spacing: 28 });
}
