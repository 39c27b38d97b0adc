import { fisher as weighted, inputFisherQuantity, weightFisherQuantity } from "../measurements/fisher.ts";
import type { Metric } from "../metric.ts";
import { isExact } from "../widths.ts";

export const fisher: Metric = {
  name: "fisher",
  formula: "sum of F (W - Q(W))^2 + mean over images of sum of F (a - Q(a))^2, F the mean squared gradients of the " +
    "log-likelihood of labels drawn from the network's own output.",
  kind: "derived",
  needs: [weighted.name],
  score(layer, { weights, activations }, means) {
    const { name } = layer;
    const ofWeights = weights === undefined ? 0 : means.mean(weighted.name, weightFisherQuantity(weights), name);
    const ofInput = activations === undefined || isExact(activations, layer)
      ? 0
      : means.mean(weighted.name, inputFisherQuantity(activations), name);
    return ofWeights + ofInput;
  },
};
