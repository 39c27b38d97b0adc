import { clamp, roundHalfUp } from "../arith/round.ts";
import type { Quantization } from "../arith/quantization.ts";
import { inputError } from "../format/error.ts";
import type { Preprocess } from "../format/preprocess.ts";
import { checkGraph } from "../ir/check.ts";
import { type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import { UNBOUNDED } from "../ops/clamp_bounds.ts";
import { channelwiseConv } from "../ops/conv.ts";
import { formatShape } from "../tensor/shape.ts";
import { tensor } from "../tensor/tensor.ts";

const PIXEL_BITS = 8;
const PIXEL_HIGH = 255;

/** The layer that normalises pixels whose channels have different means or deviations. */
export const NORMALISATION_LAYER = "input.normalisation";

/** How raw pixels stand for the network's input, and by how much the integer zero point misses the real one. */
export interface PixelInput {
  readonly quantization: Quantization;
  /** Real value by which every dequantized input exceeds the true one: scale * (true zero point - integer one). */
  readonly excess: number;
}

/**
 * The normalisation (p / scale - mean) / std as scale and zero point of the pixels: S = 1 / (scale std),
 * Z = round(mean scale). Undefined where channels differ or the zero point would leave 0 .. 255: then the network begins
 * with a normalising layer (`withNormalisation`).
 */
export function pixelInput({ mean, std, scale }: Preprocess): PixelInput | undefined {
  const zero = mean[0] * scale;
  if (mean.some((m) => m !== mean[0]) || std.some((s) => s !== std[0]) || zero < 0 || zero > PIXEL_HIGH) {
    return undefined;
  }
  const zeroPoint = clamp(roundHalfUp(zero), 0, PIXEL_HIGH);
  const step = 1 / (scale * std[0]);
  return {
    quantization: { bits: PIXEL_BITS, scale: step, zeroPoint, low: 0, high: PIXEL_HIGH },
    excess: step * (zero - zeroPoint),
  };
}

/** Raw pixels as they are: r = p. */
export const RAW_PIXELS: Quantization = { bits: PIXEL_BITS, scale: 1, zeroPoint: 0, low: 0, high: PIXEL_HIGH };

/**
 * The graph with raw pixels as its input and a depthwise 1x1 convolution that normalises them per channel.
 * @throws DyadError (input) for an input that is not an image.
 */
export function withNormalisation(graph: Graph, { mean, std, scale }: Preprocess): Graph {
  const [input] = graph.inputs;
  const { shape } = valueOf(graph, input);
  if (shape.length !== 4) {
    throw inputError(
      `input ${input}: pixels normalised with mean ${mean[0]} and std ${
        std[0]
      } have no zero point in 0 .. 255, and an ` +
        `input of shape ${
          formatShape(shape)
        } has no channels to normalise; take the float input instead (--float-input)`,
    );
  }
  const channels = shape[1];
  const name = `${input}.pixels`;
  const constant = (suffix: string, extents: number[], values: number[]): Value => ({
    name: `${NORMALISATION_LAYER}.${suffix}`,
    dtype: "f32",
    shape: extents,
    constant: tensor("f32", extents, Float32Array.from(values)),
  });
  const weight = constant("weight", [channels, 1, 1, 1], std.map((s) => 1 / (scale * s)));
  const bias = constant("bias", [channels], mean.map((m, c) => -m / std[c]));
  const node: Node = {
    name: NORMALISATION_LAYER,
    op: "Conv",
    inputs: [name, weight.name, bias.name],
    outputs: [input],
    attributes: { ...channelwiseConv(channels, UNBOUNDED) },
  };
  const values = new Map(graph.values);
  for (const value of [weight, bias, { name, dtype: "f32" as const, shape }]) values.set(value.name, value);
  const result: Graph = { ...graph, inputs: [name], nodes: [node, ...graph.nodes], values };
  checkGraph(result);
  return result;
}
