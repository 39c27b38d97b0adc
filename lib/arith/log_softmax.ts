/**
 * Where the classes lie in an output of shape [outer, classes, inner], row-major: outer * inner distributions, each over
 * `classes` values that are `inner` apart.
 */
export interface ClassAxis {
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
}

/** log softmax of every distribution, in the order of `output`. */
export function logSoftmax(output: Float32Array, { outer, classes, inner }: ClassAxis): Float64Array {
  const result = new Float64Array(output.length);
  for (let distribution = 0; distribution < outer * inner; distribution++) {
    const first = Math.floor(distribution / inner) * classes * inner + distribution % inner;
    const end = first + classes * inner;
    let peak = -Infinity;
    for (let i = first; i < end; i += inner) peak = Math.max(peak, output[i]);
    let sum = 0;
    for (let i = first; i < end; i += inner) sum += Math.exp(output[i] - peak);
    const logSum = peak + Math.log(sum);
    for (let i = first; i < end; i += inner) result[i] = output[i] - logSum;
  }
  return result;
}

/**
 * KL(p || q) = sum p log(p / q), the mean over `distributions`, from logarithms of probabilities; `probabilities` are those
 * of p, for callers that compare it with several.
 */
export function klDivergence(
  p: Float64Array,
  q: Float64Array,
  distributions: number,
  probabilities: Float64Array = p.map(Math.exp),
): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += probabilities[i] * (p[i] - q[i]);
  return sum / distributions;
}
