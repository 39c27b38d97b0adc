import { candidateName } from "../lib/format/plan.ts";
import type { Sensitivity, SensitivityRounds } from "../lib/format/sensitivity.ts";
import { type Block, facts, formatNumber, formatPercent, numeric, type Report, type Table } from "./report.ts";

/** What a table says, in short. */
export function sensitivityReport(
  { metric, layers, samples, baseline = {}, rounds }: Sensitivity,
  output: string,
): Report {
  return {
    json: {
      output,
      metric,
      samples,
      baseline,
      rounds,
      layers: layers.map(({ name, fixed, tiedTo, candidates }) => ({
        name,
        fixed,
        tiedTo,
        scores: Object.fromEntries(candidates.map((candidate) => [candidateName(candidate), candidate.scores[metric]])),
      })),
    },
    blocks: [scoreTable(metric, layers), summary({ metric, samples, baseline, rounds }, output)],
  };
}

function scoreTable(metric: string, layers: Sensitivity["layers"]): Table {
  const names = [...new Set(layers.flatMap(({ candidates }) => candidates.map(candidateName)))];
  return {
    isDetail: true,
    columns: [{ title: "layer" }, ...names.map((name) => numeric(name)), { title: "" }],
    rows: layers.map(({ name, fixed, tiedTo, candidates }) => [
      name,
      ...names.map((column) => {
        const found = candidates.find((candidate) => candidateName(candidate) === column);
        return found === undefined ? "" : formatNumber(found.scores[metric], 3);
      }),
      [...(fixed ? [`fixed at ${fixed}`] : []), ...(tiedTo ? [`tied to ${tiedTo}`] : [])].join(", "),
    ]),
  };
}

function summary(
  { metric, samples, baseline = {}, rounds }: Pick<Sensitivity, "metric" | "samples" | "baseline" | "rounds">,
  output: string,
): Block {
  const { accuracy, loss } = baseline;
  return facts([
    ["metric", metric],
    ["samples", String(samples)],
    ...(accuracy === undefined ? [] : [["float top-1", formatPercent(accuracy)] as const]),
    ...(loss === undefined ? [] : [["float loss", formatNumber(loss)] as const]),
    ...(rounds === undefined ? [] : [["probe rounds", roundsText(rounds)] as const]),
    ["written", output],
  ]);
}

function roundsText({ count, endedBy, agreement }: SensitivityRounds): string {
  if (endedBy === "request") return `${count}, as asked for`;
  const agree = agreement === undefined ? "" : `: ${formatPercent(agreement)} of resamples agree`;
  return `${count}, ${endedBy === "stability" ? "the plan is stable" : "the most, the plan is not stable yet"}${agree}`;
}
