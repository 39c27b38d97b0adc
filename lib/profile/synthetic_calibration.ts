import type { Range } from "../arith/quantization.ts";
import { compileFloat } from "../float/engine.ts";
import { ANY_BITS, type Calibration } from "../format/calibration.ts";
import { makePreprocess, normalisePixels } from "../format/preprocess.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { indexedRows } from "../ops/indexed_rows.ts";
import { type Random, seededRandom } from "../tensor/random.ts";
import { sizeOf } from "../tensor/shape.ts";

const METHOD = "min-max";
const IMAGES = 2;
/** Inputs of rank 4 with at most this many channels are taken to be images. */
const MOST_IMAGE_CHANNELS = 4;
/** A value that never moves by more than this gets the range of one that does: how fast it is computed is the same. */
const LEAST_WIDTH = 1e-6;
const FALLBACK: Range = { min: 0, max: 1 };

/**
 * Ranges of every value of a canonical graph from a few random inputs: enough for a network that is to be timed, not to
 * be right. Signs are those of real data where operators decide them (after a Relu nothing is negative), so zero points
 * are of the same kind. An image input takes raw pixels, normalised alike in all channels.
 */
export function syntheticCalibration(graph: Graph, seed: number): Calibration {
  const random = seededRandom(seed);
  const [name] = graph.inputs;
  const { shape } = valueOf(graph, name);
  const isImage = shape.length === 4 && shape[1] <= MOST_IMAGE_CHANNELS;
  const preprocess = isImage ? makePreprocess(shape[1], { mean: [0.5], std: [0.25] }) : undefined;
  const ranges = new Map<string, Range>();
  const engine = compileFloat(graph);
  for (let i = 0; i < IMAGES; i++) {
    const input = preprocess === undefined
      ? randomInputs(graph, random)
      : normalisePixels(Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(0, 255)), preprocess);
    engine.run(input, (value, data) => ranges.set(value, widened(ranges.get(value), data)));
  }
  return {
    method: METHOD,
    samples: IMAGES,
    input: { name, shape: [...shape.slice(1)] },
    preprocess,
    tensors: Array.from(ranges, ([value, range]) => ({
      name: value,
      ranges: { [METHOD]: { [ANY_BITS]: range.max - range.min < LEAST_WIDTH ? FALLBACK : range } },
    })),
    weights: [],
  };
}

/** All inputs, one after the other: tokens that the network has, and normal numbers. */
function randomInputs(graph: Graph, random: Random): Float32Array {
  return Float32Array.from(graph.inputs.flatMap((name) => {
    const { dtype, shape } = valueOf(graph, name);
    const next = dtype === "f32"
      ? random.normal
      : () => random.integer(0, Math.min(indexedRows(graph, name), 2 ** 24) - 1);
    return Array.from({ length: sizeOf(shape) }, () => next());
  }));
}

/** The range with 0 and the finite ones of `data` in it. */
function widened(range: Range = { min: 0, max: 0 }, data: Float32Array): Range {
  let { min, max } = range;
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}
