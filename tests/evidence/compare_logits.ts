import { Observation } from "../../lib/sensitivity/observation.ts";
import { CLASSES } from "./fashion_networks.ts";

const AXIS = { outer: 1, classes: CLASSES, inner: 1 };

function observations(logits: Float32Array, labels?: ArrayLike<number>): Observation[] {
  return Array.from(
    { length: logits.length / CLASSES },
    (_, i) => new Observation(logits.subarray(i * CLASSES, (i + 1) * CLASSES), AXIS, labels && [labels[i]]),
  );
}

/** Mean over images of KL(p || q) = sum p log(p / q), p and q the softmax of the float and the quantized logits. */
export function meanKl(float: Float32Array, quantized: Float32Array): number {
  const q = observations(quantized);
  const divergences = observations(float).map((each, i) => {
    const [logP, logQ] = [each.logProbabilities(), q[i].logProbabilities()];
    return logP.reduce((sum, log, c) => sum + Math.exp(log) * (log - logQ[c]), 0);
  });
  return divergences.reduce((a, b) => a + b, 0) / divergences.length;
}

/** Percent of images whose largest logit is the label's, the first of equal ones. */
export function top1(logits: Float32Array, labels: ArrayLike<number>): number {
  const found = observations(logits, labels);
  return 100 * found.reduce((sum, { correctShare }) => sum + correctShare, 0) / found.length;
}
