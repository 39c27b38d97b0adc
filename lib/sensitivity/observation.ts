import { type ClassAxis, klDivergence, logSoftmax } from "../arith/log_softmax.ts";
import { argmax } from "../tensor/argmax.ts";

/** The network's output for one image, and what metrics derive from it, each computed once for all of them. */
export class Observation {
  readonly #logProbabilities = new Map<number, Float64Array>();
  readonly #probabilities = new Map<number, Float64Array>();

  constructor(
    /** Logits in ONNX order. */
    readonly output: Float32Array,
    readonly axis: ClassAxis,
    /** Class of the image; metrics that need labels only run where there is one. */
    readonly label?: number,
  ) {}

  /** log softmax of every distribution of the logits divided by `temperature`, in the order of `output`. */
  logProbabilities(temperature = 1): Float64Array {
    return computedOnce(this.#logProbabilities, temperature, () => {
      return logSoftmax(temperature === 1 ? this.output : this.output.map((logit) => logit / temperature), this.axis);
    });
  }

  /** KL(p || q), p of `float` and q of this, at a temperature: the mean over distributions. */
  divergenceFrom(float: Observation, temperature = 1): number {
    const p = float.logProbabilities(temperature);
    const probabilities = computedOnce(float.#probabilities, temperature, () => p.map(Math.exp));
    return klDivergence(p, this.logProbabilities(temperature), float.distributions, probabilities);
  }

  get distributions(): number {
    return this.axis.outer * this.axis.inner;
  }

  /** -log of the probability of the label. */
  get crossEntropy(): number {
    return -this.logProbabilities()[this.label!];
  }

  /** Whether the label is the class of the largest logit, the first of equal ones. */
  get isCorrect(): boolean {
    return argmax(this.output) === this.label;
  }
}

function computedOnce(known: Map<number, Float64Array>, key: number, compute: () => Float64Array): Float64Array {
  const found = known.get(key) ?? compute();
  known.set(key, found);
  return found;
}
