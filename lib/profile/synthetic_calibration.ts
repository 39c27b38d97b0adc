import type { Range } from "../arith/quantization.ts";
import { compileFloat } from "../float/engine.ts";
import { ANY_BITS, type Calibration } from "../format/calibration.ts";
import { makePreprocess, normalisePixels } from "../format/preprocess.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { seededRandom } from "../tensor/random.ts";
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
      ? Float32Array.from({ length: sizeOf(shape) }, () => random.normal())
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
