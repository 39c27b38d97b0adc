import { type ClassAxis, logSoftmax } from "./log_softmax.ts";

/**
 * A loss at the logits of one image, the mean over its distributions: what a distribution p = softmax(logits) costs
 * against a target distribution t. Cross-entropy -sum t log p and KL(t || p) = sum t log(t / p) differ by the entropy of t
 * and so have equal derivatives:
 *
 *     d loss / d logits = (p - t) / distributions        Hessian = (diag(p) - p p^T) / distributions
 *
 * The Hessian does not depend on the target; it is that of the Fisher information of p (Martens, "New insights and
 * perspectives on the natural gradient method", 2020, section 9.2). Arrays are in the order of the logits.
 */
export interface Loss {
  readonly value: number;
  /** Of the logits. */
  readonly gradient: Float32Array;
  /** The Hessian at the logits times a tangent of them. */
  hessianProduct(tangent: Float32Array): Float32Array;
  /** S z for a square root S of the Hessian, S S^T = H: of covariance H where the elements of z are independent of variance 1. */
  hessianRootProduct(z: Float32Array): Float32Array;
}

/**
 * Cross-entropy of labels, one for each distribution, in the order of their first logits.
 * @throws RangeError for a label that is no class, or another number of labels.
 */
export function crossEntropy(logits: Float32Array, axis: ClassAxis, labels: readonly number[]): Loss {
  const { outer, classes, inner } = axis;
  if (labels.length !== outer * inner) {
    throw new RangeError(`found ${labels.length} labels, expected one for each of ${outer * inner} distributions`);
  }
  const target = new Float64Array(logits.length);
  let value = 0;
  const logProbabilities = logSoftmax(logits, axis);
  labels.forEach((label, distribution) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(`found the label ${label}, expected 0 to ${classes - 1}`);
    }
    const index = firstOf(distribution, axis) + label * inner;
    target[index] = 1;
    value -= logProbabilities[index] / labels.length;
  });
  return lossAt(value, logProbabilities.map(Math.exp), target, axis);
}

/**
 * KL(t || p) of the logits' distributions p to targets t, given as logits as well. Where both are equal, as at the network
 * whose own output is the target, the loss and its gradient are exactly 0, and only the Hessian is left.
 */
export function divergence(logits: Float32Array, axis: ClassAxis, targetLogits: Float32Array): Loss {
  const [p, t] = [logits, targetLogits].map((each) => logSoftmax(each, axis));
  const target = t.map(Math.exp);
  const value = target.reduce((sum, probability, i) => sum + probability * (t[i] - p[i]), 0);
  return lossAt(value / (axis.outer * axis.inner), p.map(Math.exp), target, axis);
}

function lossAt(value: number, p: Float64Array, target: Float64Array, axis: ClassAxis): Loss {
  const distributions = axis.outer * axis.inner;
  return {
    value,
    gradient: Float32Array.from(p, (probability, i) => (probability - target[i]) / distributions),
    hessianProduct: (tangent) => covarianceProduct(p, tangent, axis).map((v) => v / distributions),
    hessianRootProduct: (z) => covarianceRootProduct(p, z, axis).map((v) => v / Math.sqrt(distributions)),
  };
}

/** (diag(p) - p p^T) t of every distribution: p_i (t_i - sum_j p_j t_j). */
function covarianceProduct(p: Float64Array, tangent: Float32Array, axis: ClassAxis): Float32Array {
  const result = new Float32Array(p.length);
  for (let distribution = 0; distribution < axis.outer * axis.inner; distribution++) {
    const first = firstOf(distribution, axis);
    const end = first + axis.classes * axis.inner;
    let mean = 0;
    for (let i = first; i < end; i += axis.inner) mean += p[i] * tangent[i];
    for (let i = first; i < end; i += axis.inner) result[i] = p[i] * (tangent[i] - mean);
  }
  return result;
}

/** (diag(s) - p s^T) z of every distribution, s = sqrt(p): its product with its transpose is diag(p) - p p^T. */
function covarianceRootProduct(p: Float64Array, z: Float32Array, axis: ClassAxis): Float32Array {
  const result = new Float32Array(p.length);
  for (let distribution = 0; distribution < axis.outer * axis.inner; distribution++) {
    const first = firstOf(distribution, axis);
    const end = first + axis.classes * axis.inner;
    let mean = 0;
    for (let i = first; i < end; i += axis.inner) mean += Math.sqrt(p[i]) * z[i];
    for (let i = first; i < end; i += axis.inner) result[i] = Math.sqrt(p[i]) * z[i] - p[i] * mean;
  }
  return result;
}

/** Position of the first class of a distribution. */
function firstOf(distribution: number, { classes, inner }: ClassAxis): number {
  return Math.floor(distribution / inner) * classes * inner + distribution % inner;
}
