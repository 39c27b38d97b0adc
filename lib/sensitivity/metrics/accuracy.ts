import type { Metric } from "../metric.ts";

export const accuracy: Metric = {
  name: "accuracy",
  formula: "Drop of the share of images whose largest output is the label below the float network's, 0 where it rises.",
  kind: "output",
  needs: ["trials"],
  needsLabels: true,
  addend: (quantized, float) => Number(float.isCorrect) - Number(quantized.isCorrect),
  baseline: (float) => Number(float.isCorrect),
};
