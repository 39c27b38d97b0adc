import { type ClassAxis, logSoftmax } from "../arith/log_softmax.ts";
import { argmax } from "../tensor/argmax.ts";

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
    return argmax(this.output) === this.label;
  }
}
