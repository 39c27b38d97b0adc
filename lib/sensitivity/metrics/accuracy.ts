import type { Metric } from "../metric.ts";

export const accuracy: Metric = {
  name: "accuracy",
  formula:
    "Drop of the share of images whose largest output is the label (of tokens, the next one) below the float network's, " +
    "0 where it rises.",
  kind: "output",
  needs: ["trials"],
  needsLabels: true,
  addend: (quantized, float) => float.correctShare - quantized.correctShare,
  baseline: (float) => float.correctShare,
};
