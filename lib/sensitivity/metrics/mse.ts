import type { Metric } from "../metric.ts";

export const mse: Metric = {
  name: "mse",
  formula: "Mean over images and output elements of (quantized - float)^2, before any softmax.",
  kind: "output",
  needs: ["trials"],
  addend(quantized, float) {
    let sum = 0;
    for (let i = 0; i < float.output.length; i++) sum += (quantized.output[i] - float.output[i]) ** 2;
    return sum / float.output.length;
  },
};
