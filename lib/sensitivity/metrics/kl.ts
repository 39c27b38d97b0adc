import type { Metric } from "../metric.ts";

export const kl: Metric = {
  name: "kl",
  formula:
    "Mean over images of KL(p || q) = sum p log(p / q), p and q the softmax of the float and the quantized output.",
  needs: "output",
  addend(quantized, float) {
    const p = float.logProbabilities;
    const q = quantized.logProbabilities;
    let sum = 0;
    for (let i = 0; i < p.length; i++) sum += Math.exp(p[i]) * (p[i] - q[i]);
    return sum / float.distributions;
  },
};
