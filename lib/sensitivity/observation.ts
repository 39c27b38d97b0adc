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
    /** Class of the image, or the token after each of a stream's; metrics that need labels only run where there are some. */
    readonly expected?: ArrayLike<number>,
  ) {}

  /** log softmax of every distribution of the logits divided by `temperature`, in the order of `output`. */
  logProbabilities(temperature = 1): Float64Array {
    return computedOnce(this.#logProbabilities, temperature, () => logSoftmax(this.#logitsAt(temperature), this.axis));
  }

  #logitsAt(temperature: number): Float32Array {
    if (temperature === 1) return this.output;
    const logits = new Float32Array(this.output.length);
    for (let i = 0; i < logits.length; i++) logits[i] = this.output[i] / temperature;
    return logits;
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

  /** -log of the probability of what is expected: the mean over distributions. */
  get crossEntropy(): number {
    const { classes } = this.axis;
    const logProbabilities = this.logProbabilities();
    return this.#mean((expected, row) => -logProbabilities[row * classes + expected]);
  }

  /** The share of distributions whose largest logit, the first of equal ones, is what is expected. */
  get correctShare(): number {
    const { classes } = this.axis;
    return this.#mean((expected, row) =>
      Number(argmax(this.output.subarray(row * classes, (row + 1) * classes)) === expected)
    );
  }

  #mean(of: (expected: number, row: number) => number): number {
    const expected = Array.from(this.expected!);
    return expected.reduce((sum, each, row) => sum + of(each, row), 0) / expected.length;
  }
}

function computedOnce(known: Map<number, Float64Array>, key: number, compute: () => Float64Array): Float64Array {
  const found = known.get(key) ?? compute();
  known.set(key, found);
  return found;
}
