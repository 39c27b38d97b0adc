/**
 * Where the classes lie in an output of shape [outer, classes, inner], row-major: outer * inner distributions, each over
 * `classes` values that are `inner` apart.
 */
export interface ClassAxis {
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
}

/** The network's output for one image, and what metrics derive from it, each computed once for all of them. */
export class Observation {
  #logProbabilities?: Float64Array;

  constructor(
    /** Logits in ONNX order. */
    readonly output: Float32Array,
    readonly axis: ClassAxis,
    /** Class of the image; metrics that need labels only run where there is one. */
    readonly label?: number,
  ) {}

  /** log softmax of every distribution, in the order of `output`. */
  get logProbabilities(): Float64Array {
    return this.#logProbabilities ??= logSoftmax(this.output, this.axis);
  }

  get distributions(): number {
    return this.axis.outer * this.axis.inner;
  }

  /** -log of the probability of the label. */
  get crossEntropy(): number {
    return -this.logProbabilities[this.label!];
  }

  /** Whether the label is the class of the largest logit, the first of equal ones. */
  get isCorrect(): boolean {
    let best = 0;
    for (let i = 1; i < this.output.length; i++) if (this.output[i] > this.output[best]) best = i;
    return best === this.label;
  }
}

function logSoftmax(output: Float32Array, { outer, classes, inner }: ClassAxis): Float64Array {
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
