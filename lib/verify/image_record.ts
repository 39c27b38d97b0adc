import { dequantize } from "../arith/quantization.ts";
import { surpriseOf } from "../arith/perplexity.ts";
import { compileFloat } from "../float/engine.ts";
import { sampleAsFloat, type SampleSource } from "../format/dataset.ts";
import type { IntegerNetwork } from "../format/network.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { openEndsOf } from "../ops/states.ts";
import type { IntegerEngine } from "../runtime/engine.ts";
import { networkInput } from "../runtime/network_input.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Refusal } from "./claim.ts";
import { ImageComparison, type ImageExactness } from "./exactness.ts";
import { comparisonsOf, squaresOf, type StepSquares } from "./layer_noise.ts";

/** The tier under test and the reference that defines its bits. */
export interface Engines {
  /** As networks run. */
  readonly tested: IntegerEngine;
  /** The same tier with nothing fused: every step stores its output. */
  readonly stepwise: IntegerEngine;
  readonly reference: IntegerEngine;
}

/** What running one image through the networks gave, as data alone, so that it may come from another thread. */
export interface ImageRecord {
  /** Of images that the reference ran as well. */
  readonly exactness?: ImageExactness;
  /** Where the float model can stand beside the network. */
  readonly accuracy?: {
    /** The classes that the networks choose: one, or of a stream one for each token. */
    readonly choices: readonly { readonly float: number; readonly integer: number }[];
    /** Of a stream of tokens: how many were predicted, and the sums of -ln p over them. */
    readonly surprise?: { readonly tokens: number; readonly float: number; readonly integer: number };
    /** By step. */
    readonly squares: readonly (StepSquares | undefined)[];
  };
}

/**
 * Runs sample `index` once through each network, through the reference if `isCompared`. Networks that carry states are
 * given samples in order, and the reference the first ones: each goes on with states of its own.
 */
export type ImageMeasurer = (samples: SampleSource, index: number, isCompared: boolean) => ImageRecord;

/** @throws DyadError (input), when it measures, for a sample that cannot be turned into the network's input. */
export function imageMeasurer({ tested, stepwise, reference }: Engines, graph: Graph): ImageMeasurer {
  const { network } = tested;
  const float = compareInterfaces(graph, network) === undefined
    ? { engine: compileFloat(graph), comparisons: comparisonsOf(network, graph) }
    : undefined;
  const logits = network.tensors.get(network.output.tensor)!;
  const surprises = (float: Float32Array, integers: ArrayLike<number>, targets: Int32Array | undefined) => {
    if (targets === undefined) return {};
    const integer = Float32Array.from(integers, (q) => dequantize(q, logits));
    const sums = { float: surpriseOf(float, targets), integer: surpriseOf(integer, targets) };
    return { surprise: { tokens: targets.length, ...sums } };
  };
  return (samples, index, isCompared) => {
    const input = networkInput(network, samples, index);
    const floats = new Map<string, Float32Array>();
    const floatOutput = float?.engine.run(sampleAsFloat(samples, index), (value, data) => floats.set(value, data));
    const comparison = isCompared ? new ImageComparison(network, input) : undefined;
    const squares: (StepSquares | undefined)[] = [];
    const before = tested.states();
    stepwise.run(input, (step, integers) => {
      comparison?.record(integers);
      if (float !== undefined) squares.push(squaresOf(float.comparisons[step], integers, floats));
    });
    if (stepwise === tested) tested.setStates(before);
    const output = tested.run(input);
    if (comparison !== undefined) {
      comparison.compareWhole(output, reference.run(input, (step, integers) => comparison.compare(step, integers)));
    }
    return {
      exactness: comparison?.result(),
      accuracy: floatOutput && {
        choices: choicesOf(floatOutput, output, samples.targets?.(index).length),
        squares,
        ...surprises(floatOutput, output, samples.targets?.(index)),
      },
    };
  };
}

/** Why the float model cannot stand beside the network, if it cannot. */
export function compareInterfaces(graph: Graph, network: IntegerNetwork): Refusal | undefined {
  const { inputs, outputs } = openEndsOf(graph);
  const sides = [
    { role: "input", names: inputs, shape: network.input.shape },
    { role: "output", names: outputs, shape: network.output.shape },
  ];
  for (const { role, names, shape } of sides) {
    const found = names.length === 1 ? valueOf(graph, names[0]).shape : undefined;
    if (found !== undefined && sizeOf(found) === sizeOf(shape)) continue;
    const what = found ? `${role} has shape ${formatShape(found)}` : `has ${names.length} ${role}s`;
    return { refused: `the float model's ${what}, the network's ${role} ${formatShape(shape)}: it is another model` };
  }
  return undefined;
}

/** The largest of each of `rows` equal parts. */
function choicesOf(float: ArrayLike<number>, integer: ArrayLike<number>, rows = 1) {
  const classes = float.length / rows;
  const part = (values: ArrayLike<number>, row: number) =>
    Array.from({ length: classes }, (_, i) => values[row * classes + i]);
  return Array.from({ length: rows }, (_, row) => ({
    float: argmax(part(float, row)),
    integer: argmax(part(integer, row)),
  }));
}

/** Index of the largest element, the first of several. */
function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
