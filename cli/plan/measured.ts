import { type LossName, lossOf, type MeasuredLoss } from "../../lib/format/measured_loss.ts";
import { candidateName, type Plan } from "../../lib/format/plan.ts";
import { type Column, formatNumber, formatPercent, numeric } from "../report.ts";

/** The columns that `measuredCells` fills; cross-entropy and accuracy where there are labels. */
export function measuredColumns({ crossEntropy, accuracy }: MeasuredLoss): Column[] {
  return [
    numeric("KL"),
    ...crossEntropy === undefined ? [] : [numeric("cross-entropy")],
    ...accuracy === undefined ? [] : [numeric("top-1")],
  ];
}

export function measuredCells({ kl, crossEntropy, accuracy }: MeasuredLoss): string[] {
  return [
    formatNumber(kl),
    ...crossEntropy === undefined ? [] : [formatNumber(crossEntropy)],
    ...accuracy === undefined ? [] : [formatPercent(accuracy)],
  ];
}

/** How many layers have other bits in the other plan of the same network. */
export function differingLayers(a: Plan, b: Plan): number {
  return a.layers.filter((layer, i) => candidateName(layer) !== candidateName(b.layers[i])).length;
}

/** The index of the least loss, the first of equal ones. */
export function leastLoss(measured: readonly MeasuredLoss[], name: LossName): number {
  const losses = measured.map((each) => lossOf(each, name)!);
  return losses.indexOf(Math.min(...losses));
}
