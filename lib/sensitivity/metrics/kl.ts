import type { Metric } from "../metric.ts";

export const kl: Metric = {
  name: "kl",
  formula:
    "Mean over images of KL(p || q) = sum p log(p / q), p and q the softmax of the float and the quantized output.",
  kind: "output",
  needs: ["trials"],
  addend: (quantized, float) => quantized.divergenceFrom(float),
};
