import type { Metric } from "../metric.ts";

export const weight_error: Metric = {
  name: "weight-error",
  formula: "||W - Q(W)||^2, the squared error of the layer's weights, summed.",
  kind: "weights",
  needs: [],
  score(weights, quantized) {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += (weights[i] - quantized[i]) ** 2;
    return sum;
  },
};
