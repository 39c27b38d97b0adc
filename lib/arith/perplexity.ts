import { logSoftmax } from "./log_softmax.ts";

/**
 * The sum of -ln p over the targets, p the softmax of `logits` [targets, classes], row-major. Perplexity is exp of its mean
 * over all targets.
 * @throws RangeError for a target that is no class, and logits that are not whole rows.
 */
export function surpriseOf(logits: Float32Array, targets: ArrayLike<number>): number {
  const [outer, classes] = [targets.length, logits.length / targets.length];
  if (!Number.isInteger(classes)) throw new RangeError(`${logits.length} logits are not those of ${outer} targets`);
  const logProbabilities = logSoftmax(logits, { outer, classes, inner: 1 });
  let sum = 0;
  for (let i = 0; i < outer; i++) {
    if (!(targets[i] >= 0 && targets[i] < classes)) {
      throw new RangeError(`found the target ${targets[i]}, expected 0 to ${classes - 1}`);
    }
    sum -= logProbabilities[i * classes + targets[i]];
  }
  return sum;
}
