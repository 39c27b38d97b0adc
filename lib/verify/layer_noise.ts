import type { IntegerNetwork } from "../format/network.ts";
import type { Graph } from "../ir/graph.ts";
import type { IntegerArray } from "../runtime/engine.ts";
import { sameShape, sizeOf } from "../tensor/shape.ts";
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

/** Sums of squares over the elements of one step's output for one image. */
export interface StepSquares {
  /** Of r. */
  readonly signal: number;
  /** Of r - dequantized. */
  readonly noise: number;
}

/** What the output of a step is compared with. */
interface Comparison {
  readonly value: string;
  readonly scales: Float64Array;
  readonly zeroPoint: number;
  /** Per image. */
  readonly elements: number;
}

/** Per step: what is compared, or why nothing is. */
export type Comparisons = readonly (Comparison | string)[];

/** Every step of the network whose output stands for a value of the float network is compared with it. */
export function comparisonsOf(network: IntegerNetwork, graph: Graph): Comparisons {
  return network.steps.map(({ output }) => {
    const { shape, zeroPoint } = network.tensors.get(output)!;
    const value = floatValueOf(output, graph);
    if (value === undefined) return "the float network has no value of this name";
    const floatShape = graph.values.get(value)!.shape;
    if (!sameShape(floatShape, shape)) return `the float value has shape [${floatShape}], the tensor [${shape}]`;
    const scales = realScales(network, output);
    if (scales === undefined) return "nothing tells the scales of its channels";
    return { value, scales, zeroPoint, elements: sizeOf(shape) };
  });
}

/**
 * Signal and noise of one step for one image, from its integers and all that the float network computed, both in memory
 * order; undefined where nothing is compared.
 */
export function squaresOf(
  comparison: Comparisons[number],
  integers: IntegerArray,
  floats: ReadonlyMap<string, Float32Array>,
): StepSquares | undefined {
  if (typeof comparison === "string") return undefined;
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
  return { signal, noise };
}

/** Sums up signal and noise of images, one after the other in their order. */
export class NoiseSum {
  readonly #sums: { signal: number; noise: number }[];
  #images = 0;

  constructor(private readonly comparisons: Comparisons) {
    this.#sums = comparisons.map(() => ({ signal: 0, noise: 0 }));
  }

  /** By step. */
  add(squares: readonly (StepSquares | undefined)[]): void {
    squares.forEach((found, step) => {
      if (found === undefined) return;
      this.#sums[step].signal += found.signal;
      this.#sums[step].noise += found.noise;
    });
    this.#images++;
  }

  /** Per step: the noise, or why it was not compared. */
  result(): (StepNoise | string)[] {
    return this.comparisons.map((comparison, step) => {
      if (typeof comparison === "string") return comparison;
      const { value, elements } = comparison;
      const count = elements * this.#images;
      const signal = this.#sums[step].signal / count;
      const noise = this.#sums[step].noise / count;
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
