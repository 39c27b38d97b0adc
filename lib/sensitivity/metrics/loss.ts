import type { Metric } from "../metric.ts";

export const loss: Metric = {
  name: "loss",
  formula:
    "Increase of the mean cross-entropy of the labels, or of the next token, over the float network's, 0 where it falls.",
  kind: "output",
  needs: ["trials"],
  needsLabels: true,
  addend: (quantized, float) => quantized.crossEntropy - float.crossEntropy,
  baseline: (float) => float.crossEntropy,
};
