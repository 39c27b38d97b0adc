import { fakeQuantize } from "../arith/fake_quantization.ts";
import { klDivergence, logSoftmax } from "../arith/log_softmax.ts";
import { activationQuantization } from "../arith/quantization.ts";
import { WEIGHT_METHODS } from "../arith/weight_quantization.ts";
import {
  AUTO_METHOD,
  type CalibratedTensor,
  channelMeansOf,
  rangeOf,
  type WidthChoice,
} from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import { type Change, compileFloat, type Rewrites, type WeightVariant, type WeightVariants } from "../float/engine.ts";
import { quantizedVariant } from "../float/quantized_variant.ts";
import type { Graph } from "../ir/graph.ts";
import { plainValues } from "../ops/held_values.ts";
import { layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
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

/**
 * For every width the method of activation ranges and the method of weight scales under which the network's output
 * moves least: the mean of KL(softmax(y) || softmax(y_q)) over some samples. For activations the inputs of all layers are
 * at that width, those of the first and last layer and what sums and pools read at 8 bits, weights float; for weights the
 * weights of all layers, those of the first and last at 8 bits, activations float. No method is best at every width or for
 * every network (NVIDIA's study, arXiv 2004.09602, tables 5 to 7).
 */
export function chooseMethods(
  graph: Graph,
  dataset: Dataset,
  tensors: readonly CalibratedTensor[],
  methods: readonly CalibrationMethod[],
): Record<string, WidthChoice> {
  const { graph: logits, axis } = logitsOf(graph);
  const engine = compileFloat(logits, weightVariants(logits, tensors));
  const settings = (bits: readonly number[], plain: (method: string) => string): Setting[] =>
    bits.flatMap((width) => methods.map(({ name }) => activationSetting(logits, tensors, width, name, plain(name))));
  const count = Math.min(COMPARED_SAMPLES, dataset.count);
  const measure = (measured: readonly Setting[]): void => {
    for (let i = 0; i < count; i++) {
      const output = engine.run(sampleAsFloat(dataset, Math.floor(i * dataset.count / count)));
      const expected = logSoftmax(output, axis);
      for (const setting of measured) {
        const found = logSoftmax(engine.rerunAll(setting.changes, setting.rewrites), axis);
        setting.error += Math.max(0, klDivergence(expected, found, axis.outer * axis.inner)) / count;
      }
    }
  };
  const atPlain = settings([PLAIN_BITS], (method) => method);
  measure(atPlain);
  const [plain] = best(atPlain, PLAIN_BITS);
  const below = settings(COMPARED_BITS.filter((bits) => bits < PLAIN_BITS), () => plain);
  const weights = weightSettings(logits);
  measure([...below, ...weights]);
  const activations = [...atPlain, ...below];
  return Object.fromEntries(CHOSEN_BITS.map((bits) => {
    const compared = COMPARED_BITS.findLast((width) => width >= bits)!;
    const [activation, activationErrors] = best(activations, compared);
    const [weight, weightErrors] = best(weights, compared);
    return [bits, { activations: activation, activationErrors, weights: weight, weightErrors } as WidthChoice];
  }));
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

function activationSetting(
  graph: Graph,
  tensors: readonly CalibratedTensor[],
  bits: number,
  method: string,
  plainMethod: string,
): Setting {
  const quantizer = (value: string, width: number, by: string): (data: Float32Array) => void => {
    const quantization = activationQuantization(rangeOf({ tensors: [...tensors] }, value, by, width), width);
    return (data) => fakeQuantize(data, quantization);
  };
  const layers = layersOf(graph);
  const changes = layers.map(({ name, node: { inputs: [input] } }, i): Change => ({
    layer: name,
    input: isEnd(i, layers.length) ? quantizer(input, PLAIN_BITS, plainMethod) : quantizer(input, bits, method),
  }));
  const rewrites = new Map(plainValues(graph).map((value) => [value, quantizer(value, PLAIN_BITS, plainMethod)]));
  return { bits, method, changes, rewrites, error: 0 };
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
