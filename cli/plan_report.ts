import type { MeasuredLoss } from "../lib/format/measured_loss.ts";
import { candidateName, type Plan, type PlanConstraint } from "../lib/format/plan.ts";
import {
  type Block,
  facts,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatNumber,
  formatPercent,
  numeric,
  type Table,
} from "./report.ts";

/** The bits of every layer. */
export function layerTable(layers: Plan["layers"]): Table {
  const hasScores = layers.some(({ score }) => score !== undefined);
  const known = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? "" : format(value);
  return {
    isDetail: true,
    columns: [
      { title: "layer" },
      { title: "bits" },
      ...(hasScores ? [numeric("score")] : []),
      numeric("weights"),
      numeric("MACs"),
    ],
    rows: layers.map((layer) => [
      layer.name,
      candidateName(layer),
      ...(hasScores ? [known(layer.score, formatNumber)] : []),
      known(layer.parameters, formatCount),
      known(layer.macs, formatCount),
    ]),
  };
}

/** Layers, how the plan was found, and what it uses of every limit. */
export function planBlocks(plan: Plan, written: string): Block[] {
  const { totals } = plan;
  const solution = [
    ["plan", plan.method === "optimal" ? "proven optimal" : plan.method ?? "by hand"],
    plan.objective !== undefined && [`sum of ${plan.metric ?? "scores"}`, formatNumber(plan.objective, 8)],
    plan.bound !== undefined && ["lower bound", formatNumber(plan.bound, 8)],
    plan.gap !== undefined && ["gap", formatNumber(plan.gap)],
    plan.measured && [`measured on ${plan.measured.samples} samples`, measuredText(plan.measured)],
    totals &&
    ["weights", `${formatBytes(totals.sizeBytes)}${percentOf(totals.sizeBytes, plan.references?.all8.sizeBytes)}`],
    totals && ["BOPS", `${formatCount(totals.bops)}${percentOf(totals.bops, plan.references?.all8.bops)}`],
    totals?.latencyMs !== undefined &&
    [
      "latency",
      `${formatMilliseconds(totals.latencyMs)}${percentOf(totals.latencyMs, plan.references?.all8.latencyMs)}`,
    ],
    totals && ["bits per weight", formatNumber(totals.averageWeightBits)],
    ["written", written],
  ].filter((row): row is [string, string] => Array.isArray(row));
  return [
    layerTable(plan.layers),
    ...(plan.constraints.length > 0 ? [constraintTable(plan.constraints)] : []),
    facts(solution),
  ];
}

function measuredText({ kl, crossEntropy, accuracy }: MeasuredLoss): string {
  return [
    `KL ${formatNumber(kl)}`,
    ...crossEntropy === undefined ? [] : [`cross-entropy ${formatNumber(crossEntropy)}`],
    ...accuracy === undefined ? [] : [`top-1 ${formatPercent(accuracy)}`],
  ].join(", ");
}

function percentOf(value: number, all8: number | undefined): string {
  return all8 === undefined || all8 === 0 ? "" : ` (${formatPercent(value / all8, 1)} of all-8-bit)`;
}

function constraintTable(constraints: readonly PlanConstraint[]): Table {
  return {
    columns: [{ title: "limit" }, { title: "asked" }, numeric("at most"), numeric("used"), numeric("of it")],
    rows: constraints.map(({ kind, requested, limit, used, unit }) => [
      kind,
      requested,
      formatAmount(limit, unit),
      formatAmount(used, unit),
      limit > 0 ? formatPercent(used / limit, 1) : "",
    ]),
  };
}

export function formatAmount(amount: number, unit: PlanConstraint["unit"]): string {
  if (unit === "bytes") return formatBytes(amount);
  if (unit === "BOPS") return formatCount(amount);
  if (unit === "ms") return formatMilliseconds(amount);
  return formatNumber(amount);
}
