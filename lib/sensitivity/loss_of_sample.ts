import { crossEntropy, divergence, type Loss } from "../arith/loss.ts";
import { inputError } from "../format/error.ts";
import type { Sample } from "./samples.ts";
import type { Study } from "./study.ts";

/**
 * The loss that second-order metrics take the Hessian of: cross-entropy of the sample's label, or where it has none, or the
 * network gives several distributions per image, KL from the float network's own output.
 * @throws DyadError (input) naming the sample for a label that is no class.
 */
export function lossOfSample({ axis, request }: Study, { index, label }: Sample, output: Float32Array): Loss {
  if (label === undefined || axis.outer * axis.inner !== 1) return divergence(output, axis, output);
  if (!Number.isInteger(label) || label < 0 || label >= axis.classes) {
    throw inputError(
      `${request.dataName}: the label of sample ${index} is ${label}, expected 0 to ${
        axis.classes - 1
      }, the classes of ` +
        `the network`,
    );
  }
  return crossEntropy(output, axis, [label]);
}
