import { pearsonCorrelation, spearmanCorrelation } from "../../lib/arith/correlation.ts";
import { type Additivity, AdditivityCodec, type AdditivityFit } from "../../lib/format/additivity.ts";
import { encodeArtefact } from "../../lib/format/artefact.ts";
import { inputError, usageError } from "../../lib/format/error.ts";
import { lossOf } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { completeMetrics, predictedLoss } from "../../lib/plan/prediction.ts";
import { randomPlans, spreadPlans } from "../../lib/plan/random.ts";
import { type Block, facts, formatNumber, numeric, type Table } from "../report.ts";
import { limitTexts, MEASURING_KEYS, PROBLEM_KEYS } from "./flags.ts";
import { openLossMeter } from "./loss_meter.ts";
import { naming, type PlanMode, type PlanRequest } from "./mode.ts";
import { openPlot } from "./plot.ts";

/** Two points lie on a line whatever they are. */
const LEAST_PLANS = 3;

/** `--check-additivity`: whether plans lose what the sum of their layers' scores says. */
export const additivity: PlanMode = {
  flag: "checkAdditivity",
  purpose: "measures random plans",
  takes: [...PROBLEM_KEYS, "seed", "plot", "loss", ...MEASURING_KEYS],
  needsData: true,
  check({ checkAdditivity }) {
    if (checkAdditivity! < LEAST_PLANS) {
      throw usageError(`--check-additivity of ${checkAdditivity} plans says nothing; ask for at least ${LEAST_PLANS}`);
    }
  },
  async run(request) {
    const { sensitivity, target, header } = request;
    const plot = openPlot(request);
    const metrics = completeMetrics(sensitivity.content);
    if (metrics.length === 0) throw inputError(`${sensitivity.name}: no metric scores every layer at every candidate`);
    const meter = openLossMeter(request);
    const plans = await drawPlans(request);
    const measured = await meter.measure(plans);
    const points = plans.map((plan, i) => ({
      bits: plan.layers.map(candidateName),
      predicted: Object.fromEntries(
        metrics.map((metric) => [metric, predictedLoss(sensitivity.content, plan, metric)]),
      ),
      measured: measured[i],
    }));
    const losses = measured.map((each) => lossOf(each, meter.loss)!);
    const content: Additivity = {
      loss: meter.loss,
      metrics: metrics.map((metric) => fitOf(metric, points.map(({ predicted }) => predicted[metric]), losses)),
      layers: sensitivity.content.layers.map(({ name }) => name),
      plans: points,
    };
    await plot?.write(({ additivityChart }) => additivityChart(content));
    await target.write(encodeArtefact(AdditivityCodec, { ...meter.recordedIn(header), ...content }));
    return {
      json: { output: target.name, plot: plot?.name, ...content },
      blocks: [
        ...additivityBlocks(content, losses),
        facts([["written", [target.name, plot?.name].filter(Boolean).join(", ")]]),
      ],
    };
  },
};

/** Plans of every cost, or, where limits are given, plans that fill them. */
async function drawPlans(request: PlanRequest): Promise<Plan[]> {
  const { flags, sensitivity, latency, options } = request;
  const drawn = { ...options, seed: flags.seed ?? 0, count: flags.checkAdditivity! };
  const hasLimits = Object.keys(limitTexts(flags)).length > 0;
  const plans = hasLimits
    ? await naming(request, randomPlans(sensitivity.content, latency?.content, drawn))
    : spreadPlans(sensitivity.content, latency?.content, drawn);
  if (plans.length >= LEAST_PLANS) return plans;
  throw usageError(
    `found ${plans.length} different random plans, expected at least ${LEAST_PLANS}; widen the limits, or fix fewer ` +
      `layers`,
  );
}

function fitOf(metric: string, predicted: readonly number[], measured: readonly number[]): AdditivityFit {
  const pearson = pearsonCorrelation(predicted, measured);
  return {
    metric,
    rSquared: pearson === undefined ? null : pearson ** 2,
    rankCorrelation: spearmanCorrelation(predicted, measured) ?? null,
  };
}

function additivityBlocks({ metrics, plans, loss }: Additivity, losses: readonly number[]): Block[] {
  const format = (value: number | null): string => value === null ? "none" : value.toFixed(3);
  const table: Table = {
    columns: [{ title: "metric" }, numeric("R^2"), numeric("rank correlation")],
    rows: metrics.map(({ metric, rSquared, rankCorrelation }) => [metric, format(rSquared), format(rankCorrelation)]),
  };
  const [least, greatest] = [Math.min(...losses), Math.max(...losses)];
  const [{ measured: { samples } }] = plans;
  return [
    table,
    facts([
      ["random plans", String(plans.length)],
      [`measured ${loss}`, `${formatNumber(least)} to ${formatNumber(greatest)}, on ${samples} samples`],
    ]),
  ];
}
