import type { Problem } from "../../kernels/kernel.ts";
import type { FloatConvolutionProblem } from "../arith/problem.ts";
import {
  inputGradientProblem,
  spreadGradient,
  type SpreadPlan,
  transposeWeights,
  weightGradientProblem,
} from "../arith/problem_gradients.ts";
import type { Layer } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import type { Arena, Region } from "./arena.ts";
import type { LinkedCalls } from "./linked_calls.ts";
import type { Step } from "./step.ts";
import { addTo, Signal, type Variable } from "./variable.ts";

/** Along what a layer is changed: its weights [O, kernelHeight, kernelWidth, I / groups], its input in memory order. */
export interface LayerTangent {
  readonly weights?: Float32Array;
  readonly input?: Float32Array;
}

/** Derivatives of a layer's weights and input, ordered like `LayerTangent`. Views, valid until the next call. */
export interface LayerGradient {
  readonly weights?: Float32Array;
  readonly input?: Float32Array;
}

/** Which gradients are computed. */
export interface Wanted {
  readonly weights: boolean;
  readonly inputs: boolean;
}

/** Room that all layers share, each as large as the largest needs. */
export interface SharedRegions {
  /** A product that is added to another. */
  readonly term: Region;
  /** A gradient with the zeros of the stride between its pixels. */
  readonly spread: Region;
}

/** Positions in the program of the layer's products. */
interface Entries {
  /** clamp(w * a + bias) */
  readonly forward: number;
  /** w * t, without bias and limits */
  readonly linear: number;
  /** v * a, v the tangent of the weights */
  readonly changedWeights: number;
  /** w^T g */
  readonly transposed: number;
  /** v^T g */
  readonly changedTransposed: number;
  /** gradient of the weights from a and g */
  readonly weightGradient: number;
}

/**
 * A layer y = clamp(w * a + bias), * the convolution, by generated code. With v and t the tangents of w and a, g the
 * gradient of y where no limit holds and 0 elsewhere:
 *
 *     tangent of y             w * t + v * a            where no limit holds
 *     gradient of a, of w      w^T g                    g (*) a
 *     their tangents           w^T g' + v^T g           g' (*) a + g (*) t
 *
 * The terms are added in this order. Four products for a tangent of gradients with respect to weights and inputs, two for
 * a tangent; those with a factor that is 0 throughout are left out.
 */
export class LayerStep implements Step {
  readonly #problem: FloatConvolutionProblem;
  readonly #spread?: SpreadPlan;
  readonly #transposedWeights: Float32Array;
  readonly #entries: Entries;
  readonly #inputTangent: Region;
  readonly #upstream: Region;
  readonly #upstreamTangent: Region;
  readonly #inputGradient: Signal;
  readonly #inputGradientTangent: Signal;
  readonly #weightGradient: Signal;
  readonly #weightGradientTangent: Signal;
  #shared?: SharedRegions;
  #calls?: LinkedCalls;
  #direction: LayerTangent = {};
  #wanted: Wanted = { weights: false, inputs: false };

  /** Adds the layer's products to `problems`, which are the entries of a program. */
  constructor(
    readonly layer: Layer,
    readonly input: Variable,
    readonly output: Variable,
    /** Whether nothing but this layer reads its input, so that the input's gradients are the layer's. */
    isOnlyReader: boolean,
    arena: Arena,
    problems: Problem[],
  ) {
    const { node, weight, bias } = layer;
    const lowered = operatorOf(node.op).lowerFloat!(node, weight.data, bias?.data, input.value, output.value);
    const linear = { ...lowered, bias: new Float32Array(lowered.outputChannels), low: -Infinity, high: Infinity };
    const transposed = inputGradientProblem(linear);
    const add = (problem: Problem): number => problems.push(problem) - 1;
    this.#problem = lowered;
    this.#spread = transposed.spread;
    this.#entries = {
      forward: add(lowered),
      linear: add(linear),
      changedWeights: add(linear),
      transposed: add(transposed.problem),
      changedTransposed: add(transposed.problem),
      weightGradient: add(weightGradientProblem(linear)),
    };
    this.#transposedWeights = new Float32Array(lowered.weights.length);
    this.#inputTangent = arena.reserve(input.region.length);
    const isBounded = lowered.low > -Infinity || lowered.high < Infinity;
    const masked = (signal: Signal): Region => isBounded ? arena.reserve(signal.region.length) : signal.region;
    this.#upstream = masked(output.gradient);
    this.#upstreamTangent = masked(output.gradientTangent);
    const ofInput = (signal: Signal): Signal =>
      new Signal(isOnlyReader ? signal.region : arena.reserve(input.region.length));
    this.#inputGradient = ofInput(input.gradient);
    this.#inputGradientTangent = ofInput(input.gradientTangent);
    this.#weightGradient = new Signal(arena.reserve(lowered.weights.length));
    this.#weightGradientTangent = new Signal(arena.reserve(lowered.weights.length));
  }

  get name(): string {
    return this.layer.name;
  }

  /** Elements that the layer needs of each shared region. */
  get sharedLengths(): { readonly term: number; readonly spread: number } {
    const { weights } = this.#problem;
    const plan = this.#spread;
    return {
      term: Math.max(this.output.region.length, this.input.region.length, weights.length),
      spread: plan === undefined ? 0 : plan.rows * plan.columns * plan.channels,
    };
  }

  bind(calls: LinkedCalls, shared: SharedRegions): void {
    this.#calls = calls;
    this.#shared = shared;
  }

  /** Weights from ONNX order to the order of problems, which tangents and gradients have. */
  orderWeights(weights: Float32Array): Float32Array {
    const { node, bias } = this.layer;
    return operatorOf(node.op).lowerFloat!(node, weights, bias?.data, this.input.value, this.output.value).weights;
  }

  setDirection(direction: LayerTangent): void {
    this.#direction = direction;
  }

  want(wanted: Wanted): void {
    this.#wanted = wanted;
  }

  forward(): void {
    this.#run(this.#entries.forward, this.output.region, this.input.region);
  }

  tangent(): void {
    const { weights, input } = this.#direction;
    const { changedWeights, changedTransposed, linear } = this.#entries;
    const { output } = this;
    if (weights !== undefined) {
      this.#calls!.replaceWeights(changedWeights, weights);
      this.#calls!.replaceWeights(
        changedTransposed,
        transposeWeights(this.#problem, weights, this.#transposedWeights),
      );
    }
    if (input !== undefined) {
      const { data } = this.#inputTangent;
      data.set(input);
      if (this.input.tangent.isPresent) addTo(data, this.input.tangent.data);
    }
    const source = this.#tangentOfInput();
    if (source !== undefined) this.#add(output.tangent, linear, source);
    if (weights !== undefined) this.#add(output.tangent, changedWeights, this.input.region);
    if (output.tangent.isPresent) this.#mask(output.tangent.region, output.tangent.region);
  }

  gradient(): void {
    const { output, input } = this;
    this.#inputGradient.clear();
    this.#weightGradient.clear();
    if (!output.gradient.isPresent) return;
    this.#mask(output.gradient.region, this.#upstream);
    if (this.#wanted.weights) {
      this.#add(this.#weightGradient, this.#entries.weightGradient, input.region, this.#upstream);
    }
    if (!this.#needsInput) return;
    this.#addTransposed(this.#inputGradient, this.#entries.transposed, this.#upstream);
    if (input.isPerturbed) input.gradient.add(this.#inputGradient.data);
  }

  gradientTangent(): void {
    const { output, input } = this;
    const { transposed, changedTransposed, weightGradient } = this.#entries;
    this.#inputGradientTangent.clear();
    this.#weightGradientTangent.clear();
    const source = this.#tangentOfInput();
    if (output.gradientTangent.isPresent) {
      this.#mask(output.gradientTangent.region, this.#upstreamTangent);
      if (this.#wanted.weights) {
        this.#add(this.#weightGradientTangent, weightGradient, input.region, this.#upstreamTangent);
      }
      if (this.#needsInput) this.#addTransposed(this.#inputGradientTangent, transposed, this.#upstreamTangent);
    }
    if (output.gradient.isPresent) {
      if (this.#wanted.weights && source !== undefined) {
        this.#add(this.#weightGradientTangent, weightGradient, source, this.#upstream);
      }
      if (this.#needsInput && this.#direction.weights !== undefined) {
        this.#addTransposed(this.#inputGradientTangent, changedTransposed, this.#upstream);
      }
    }
    if (input.isPerturbed && this.#inputGradientTangent.isPresent) {
      input.gradientTangent.add(this.#inputGradientTangent.data);
    }
  }

  /** Of the last `gradient`. */
  get layerGradient(): LayerGradient {
    return this.#read(this.#weightGradient, this.#inputGradient);
  }

  /** Of the last `gradientTangent`. */
  get layerGradientTangent(): LayerGradient {
    return this.#read(this.#weightGradientTangent, this.#inputGradientTangent);
  }

  get #needsInput(): boolean {
    return this.#wanted.inputs || this.input.isPerturbed;
  }

  #read(weights: Signal, input: Signal): LayerGradient {
    return {
      ...(this.#wanted.weights && { weights: weights.elements }),
      ...(this.#wanted.inputs && { input: input.elements }),
    };
  }

  #tangentOfInput(): Region | undefined {
    if (this.#direction.input !== undefined) return this.#inputTangent;
    return this.input.tangent.isPresent ? this.input.tangent.region : undefined;
  }

  /** Adds the product of an entry to a signal: in place if it is the first term. */
  #add(signal: Signal, entry: number, ...sources: Region[]): void {
    const target = signal.isPresent ? this.#shared!.term : signal.region;
    this.#run(entry, target, ...sources);
    signal.add(signal.isPresent ? target.data.subarray(0, signal.region.length) : signal.data);
  }

  #addTransposed(signal: Signal, entry: number, gradient: Region): void {
    const plan = this.#spread;
    if (plan === undefined) return this.#add(signal, entry, gradient);
    const { spread } = this.#shared!;
    spreadGradient(plan, gradient.data, spread.data.subarray(0, plan.rows * plan.columns * plan.channels));
    this.#add(signal, entry, spread);
  }

  #run(entry: number, target: Region, ...sources: Region[]): void {
    this.#calls!.run({ entry, output: target.address, inputs: sources.map(({ address }) => address) });
  }

  /** Copies a derivative of the output where no limit holds, and 0 elsewhere. A limit that is reached holds. */
  #mask(source: Region, target: Region): void {
    const { low, high } = this.#problem;
    if (low === -Infinity && high === Infinity) return;
    const [values, to] = [this.output.region.data, target.data];
    if (source !== target) to.set(source.data);
    for (let i = 0; i < to.length; i++) {
      const value = values[i];
      if (!(value > low && value < high)) to[i] = 0;
    }
  }
}
