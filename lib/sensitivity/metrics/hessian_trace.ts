import { activation_error, inputErrorQuantity } from "../measurements/activation_error.ts";
import { hessian_trace as trace, INPUT_TRACE, WEIGHT_TRACE } from "../measurements/hessian_trace.ts";
import type { Metric } from "../metric.ts";
import { isExact } from "../widths.ts";
import { weight_error } from "./weight_error.ts";

/**
 * The second-order perturbation of HAWQ-V3 (arXiv 2011.10680) for weights; that of HAWQ-V2 for activations (arXiv
 * 1911.03852, on mixed-precision activations), which takes the trace with respect to a layer's input image by image.
 */
export const hessian_trace: Metric = {
  name: "hessian-trace",
  formula:
    "trace(H_w) / weights x ||W - Q(W)||^2 + trace(H_a) / elements x mean over images of ||a - Q(a)||^2, H the " +
    "Hessians of the loss with respect to the layer's weights and its input.",
  kind: "derived",
  needs: [trace.name, activation_error.name],
  score(layer, { weights, activations }, means) {
    const { name, parameters, inputElements, weightScores } = layer;
    const average = (quantity: string, elements: number): number =>
      Math.max(0, means.mean(trace.name, quantity, name)) / elements;
    const ofWeights = weights === undefined
      ? 0
      : average(WEIGHT_TRACE, parameters) * weightScores[weights][weight_error.name];
    const ofInput = activations === undefined || isExact(activations, layer) ? 0 : average(INPUT_TRACE, inputElements) *
      means.mean(activation_error.name, inputErrorQuantity(activations), name);
    return ofWeights + ofInput;
  },
};
