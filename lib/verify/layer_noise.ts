import type { IntegerNetwork } from "../format/network.ts";
import type { Graph } from "../ir/graph.ts";
import type { IntegerArray } from "../runtime/engine.ts";
import { sameShape } from "../tensor/shape.ts";
import { realScales } from "./real_scales.ts";

/** How far a step's integers are from the float network. */
export interface StepNoise {
  /** The value of the float network that the step's output stands for. */
  readonly value: string;
  /** Mean of r^2, r of the float network. */
  readonly signal: number;
  /** Mean of (r - dequantized)^2. */
  readonly noise: number;
  /** 10 log10(signal / noise), to 0.001 dB; undefined when either is 0. */
  readonly sqnrDb?: number;
}

interface Comparison {
  readonly value: string;
  readonly scales: Float64Array;
  readonly zeroPoint: number;
  signal: number;
  noise: number;
  elements: number;
}

/** Sums up signal and quantization noise of every step whose output stands for a value of the float network. */
export class NoiseMeter {
  /** Per step: what is compared, or why nothing is. */
  readonly #steps: readonly (Comparison | string)[];

  constructor(network: IntegerNetwork, graph: Graph) {
    this.#steps = network.steps.map(({ output }) => {
      const { shape, zeroPoint } = network.tensors.get(output)!;
      const value = floatValueOf(output, graph);
      if (value === undefined) return "the float network has no value of this name";
      const floatShape = graph.values.get(value)!.shape;
      if (!sameShape(floatShape, shape)) return `the float value has shape [${floatShape}], the tensor [${shape}]`;
      const scales = realScales(network, output);
      if (scales === undefined) return "nothing tells the scales of its channels";
      return { value, scales, zeroPoint, signal: 0, noise: 0, elements: 0 };
    });
  }

  /** The integers of a step for one image, and what the float network computed for it; both in memory order. */
  add(step: number, integers: IntegerArray, floats: ReadonlyMap<string, Float32Array>): void {
    const comparison = this.#steps[step];
    if (typeof comparison === "string") return;
    const { value, scales, zeroPoint } = comparison;
    const real = floats.get(value)!;
    const channels = scales.length;
    let signal = 0;
    let noise = 0;
    for (let i = 0, channel = 0; i < integers.length; i++) {
      const r = real[i];
      const error = r - scales[channel] * (integers[i] - zeroPoint);
      signal += r * r;
      noise += error * error;
      if (++channel === channels) channel = 0;
    }
    comparison.signal += signal;
    comparison.noise += noise;
    comparison.elements += integers.length;
  }

  /** Per step: the noise, or why it was not compared. */
  result(): (StepNoise | string)[] {
    return this.#steps.map((comparison) => {
      if (typeof comparison === "string") return comparison;
      const { value, elements } = comparison;
      const signal = comparison.signal / elements;
      const noise = comparison.noise / elements;
      if (!(signal > 0 && noise > 0)) return { value, signal, noise };
      return { value, signal, noise, sqnrDb: Math.round(10_000 * Math.log10(signal / noise)) / 1000 };
    });
  }
}

/** Tensors keep the names of the float values; `name@4` is the 4-bit form of `name`. */
function floatValueOf(tensor: string, graph: Graph): string | undefined {
  const computed = (name: string): boolean => graph.values.has(name) && !graph.values.get(name)!.constant;
  return [tensor, tensor.replace(/@\d+$/, "")].find(computed);
}
