import { fakeQuantize, fakeQuantizeCentred } from "../arith/fake_quantization.ts";
import { type ClassAxis, klDivergence, logSoftmax } from "../arith/log_softmax.ts";
import { activationQuantization, type Quantization } from "../arith/quantization.ts";
import { WEIGHT_METHODS } from "../arith/weight_quantization.ts";
import {
  AUTO_METHOD,
  type CalibratedTensor,
  channelMeansOf,
  rangeOf,
  type WidthChoice,
} from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import {
  type Change,
  compileFloat,
  type FloatEngine,
  type Rewrites,
  type WeightVariant,
  type WeightVariants,
} from "../float/engine.ts";
import { quantizedVariant } from "../float/quantized_variant.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/add.ts";
import { plainValues } from "../ops/held_values.ts";
import { layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import { ChannelShifts } from "./channel_shifts.ts";
import type { CalibrationMethod } from "./method.ts";

/** Samples on which methods are compared, spread evenly over the data. */
const COMPARED_SAMPLES = 64;
/** Widths at which methods are compared, widest first; others take the choice of the next wider one. */
const COMPARED_BITS = [8, 4, 3, 2];
/** Widths that get a choice. */
const CHOSEN_BITS = [8, 7, 6, 5, 4, 3, 2];
/** The first and the last layer stay at this width, as they do in plans, and so does what no layer reads. */
const PLAIN_BITS = 8;

interface Setting {
  readonly bits: number;
  readonly method: string;
  readonly changes: readonly Change[];
  readonly rewrites?: Rewrites;
  error: number;
}

/** A float network and the samples on which it is compared with its quantized self. */
export interface Comparison {
  readonly engine: FloatEngine;
  readonly axis: ClassAxis;
  readonly images: readonly Float32Array[];
  readonly tensors: readonly CalibratedTensor[];
}

/** Prepares the comparison of methods on some samples of the data. */
export function prepareComparison(
  graph: Graph,
  dataset: Dataset,
  tensors: readonly CalibratedTensor[],
): Comparison {
  const { graph: logits, axis } = logitsOf(graph);
  const count = Math.min(COMPARED_SAMPLES, dataset.count);
  const images = Array.from(
    { length: count },
    (_, i) => sampleAsFloat(dataset, Math.floor(i * dataset.count / count)),
  );
  return { engine: compileFloat(logits, weightVariants(logits, tensors)), axis, images, tensors };
}

/**
 * For every width the method of activation ranges and the method of weight scales under which the network's output
 * moves least: the mean of KL(softmax(y) || softmax(y_q)) over the samples. For activations the inputs of all layers are
 * at that width, those of the first and last layer and what sums and pools read at 8 bits, weights float; for weights the
 * weights of all layers, those of the first and last at 8 bits, activations float. Biases are corrected as `quantize` does.
 * No method is best at every width or for every network (NVIDIA's study, arXiv 2004.09602, tables 5 to 7).
 */
export function chooseMethods(
  comparison: Comparison,
  methods: readonly CalibrationMethod[],
  onProgress: (done: number, total: number) => void = () => {},
): Record<string, WidthChoice> {
  const names = methods.map(({ name }) => name);
  const runs = comparison.images.length * COMPARED_BITS.length * (names.length + WEIGHT_METHODS.length);
  let done = 0;
  const onRun = (): void => onProgress(++done, runs);
  const atPlain = activationSettings(comparison, [PLAIN_BITS], names);
  measure(comparison, atPlain, onRun);
  const [plain] = best(atPlain, PLAIN_BITS);
  const below = activationSettings(comparison, COMPARED_BITS.filter((bits) => bits < PLAIN_BITS), names, plain);
  const weights = weightSettings(comparison.engine.graph);
  measure(comparison, [...below, ...weights], onRun);
  const activations = [...atPlain, ...below];
  return Object.fromEntries(CHOSEN_BITS.map((bits) => {
    const compared = COMPARED_BITS.findLast((width) => width >= bits)!;
    const [activation, activationErrors] = best(activations, compared);
    const [weight, weightErrors] = best(weights, compared);
    const choice = { activations: activation, activationErrors, weights: weight, weightErrors } as WidthChoice;
    return [bits, compared === bits ? choice : { measuredBits: compared, ...choice }];
  }));
}

function measure({ engine, axis, images }: Comparison, settings: readonly Setting[], onRun: () => void): void {
  for (const image of images) {
    const expected = logSoftmax(engine.run(image), axis);
    for (const setting of settings) {
      const found = logSoftmax(engine.rerunAll(setting.changes, setting.rewrites), axis);
      setting.error += Math.max(0, klDivergence(expected, found, axis.outer * axis.inner)) / images.length;
      onRun();
    }
  }
}

/** By tensor that a layer reads and by width: how far the ranges of `method` move the mean of each channel. */
export function measureShifts(
  { engine, images, tensors }: Comparison,
  method: string,
): Map<string, Record<string, number[]>> {
  const shifts = collectShifts(
    engine,
    images,
    CHOSEN_BITS,
    (name, bits) => quantizationBy(tensors, name, bits, method),
  );
  return new Map(Array.from(shifts, ([name, byBits]) => {
    const rounded = Array.from(byBits, ([bits, found]): [number, number[]] => [
      bits,
      Array.from(found.means(), (mean) => Number(mean.toPrecision(6))),
    ]);
    return [name, Object.fromEntries(rounded)];
  }));
}

function collectShifts(
  engine: FloatEngine,
  images: readonly Float32Array[],
  widths: readonly number[],
  quantizationOf: (name: string, bits: number) => Quantization,
): Map<string, Map<number, ChannelShifts>> {
  const { graph } = engine;
  const shifts = new Map(
    layersOf(graph).map(({ node: { inputs: [name] } }) => {
      const channels = innermostExtent(valueOf(graph, name).shape);
      return [name, new Map(widths.map((bits) => [bits, new ChannelShifts(quantizationOf(name, bits), channels)]))];
    }),
  );
  for (const image of images) {
    engine.run(image, (name, data) => shifts.get(name)?.forEach((found) => found.observe(data)));
  }
  return shifts;
}

function quantizationBy(
  tensors: readonly CalibratedTensor[],
  value: string,
  bits: number,
  method: string,
): Quantization {
  return activationQuantization(rangeOf({ tensors: [...tensors] }, value, method, bits), bits);
}

/** The tensors with the ranges that `auto` stands for beside those of the methods. */
export function withAutoRanges(
  tensors: readonly CalibratedTensor[],
  choices: Readonly<Record<string, WidthChoice>>,
): CalibratedTensor[] {
  const auto = (tensor: CalibratedTensor, symmetric: boolean) =>
    Object.fromEntries([...CHOSEN_BITS, 16].map((bits) => {
      const { activations } = choices[Math.min(bits, PLAIN_BITS)];
      return [bits, rangeOf({ tensors: [tensor] }, tensor.name, activations, bits, symmetric)];
    }));
  return tensors.map((tensor) => ({
    ...tensor,
    ranges: { ...tensor.ranges, [AUTO_METHOD]: auto(tensor, false) },
    ...(tensor.symmetricRanges &&
      { symmetricRanges: { ...tensor.symmetricRanges, [AUTO_METHOD]: auto(tensor, true) } }),
  }));
}

function best(settings: readonly Setting[], bits: number): [string, Record<string, number>] {
  const errors = settings.filter((setting) => setting.bits === bits);
  const least = errors.reduce((a, b) => b.error < a.error ? b : a);
  return [least.method, Object.fromEntries(errors.map(({ method, error }) => [method, error]))];
}

/** One setting per width and method; what sums, pools and the ends read is at 8 bits by `plainMethod`, or the method. */
function activationSettings(
  { engine, images, tensors }: Comparison,
  widths: readonly number[],
  methods: readonly string[],
  plainMethod?: string,
): Setting[] {
  const layers = layersOf(engine.graph);
  const plainNames = plainValues(engine.graph);
  return methods.flatMap((method) => {
    const plain = (value: string) => quantizationBy(tensors, value, PLAIN_BITS, plainMethod ?? method);
    const shifts = collectShifts(engine, images, widths, (name, bits) => quantizationBy(tensors, name, bits, method));
    const rewrites = new Map(plainNames.map((value) => {
      const quantization = plain(value);
      return [value, (data: Float32Array) => fakeQuantize(data, quantization)];
    }));
    return widths.map((bits): Setting => {
      const changes = layers.map(({ name, node: { inputs: [input] } }, i): Change => {
        if (isEnd(i, layers.length)) {
          const quantization = plain(input);
          return { layer: name, input: (data) => fakeQuantize(data, quantization) };
        }
        const found = shifts.get(input)!.get(bits)!;
        const means = found.means();
        return { layer: name, input: (data) => fakeQuantizeCentred(data, found.quantization, means) };
      });
      return { bits, method, changes, rewrites, error: 0 };
    });
  });
}

function weightSettings(graph: Graph): Setting[] {
  const layers = layersOf(graph);
  return COMPARED_BITS.flatMap((bits) =>
    WEIGHT_METHODS.map((method): Setting => ({
      bits,
      method,
      changes: layers.map(({ name }, i) => ({
        layer: name,
        weights: variantKey(isEnd(i, layers.length) ? PLAIN_BITS : bits, method),
      })),
      error: 0,
    }))
  );
}

function weightVariants(graph: Graph, tensors: readonly CalibratedTensor[]): WeightVariants {
  const settings = COMPARED_BITS.flatMap((bits) => WEIGHT_METHODS.map((method) => ({ bits, method })));
  return new Map(
    layersOf(graph).map((layer) => {
      const means = channelMeansOf({ tensors: [...tensors] }, layer.node.inputs[0]);
      const variants = settings.map(({ bits, method }): [string, WeightVariant] => [
        variantKey(bits, method),
        quantizedVariant(layer, { bits, method, perChannel: true }, means),
      ]);
      return [layer.name, new Map(variants)];
    }),
  );
}

const variantKey = (bits: number, method: string): string => `${bits}/${method}`;

const isEnd = (index: number, count: number): boolean => index === 0 || index === count - 1;
