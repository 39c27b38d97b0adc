import type { Metric } from "../metric.ts";

/**
 * A softmax of logits divided by 2 also has something to say of images whose class is certain, so that few images do; with
 * rising temperature it becomes the squared error of the logits (Hinton et al., arXiv 1503.02531, section 2.1).
 */
const TEMPERATURE = 2;

export const soft_kl: Metric = {
  name: "soft-kl",
  formula:
    `Mean over images of T^2 KL(p || q), p and q the softmax of the float and the quantized output divided by the ` +
    `temperature T = ${TEMPERATURE}.`,
  kind: "output",
  needs: ["trials"],
  addend: (quantized, float) => TEMPERATURE ** 2 * quantized.divergenceFrom(float, TEMPERATURE),
};
