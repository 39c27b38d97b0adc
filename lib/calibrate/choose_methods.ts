import { fakeQuantize, fakeQuantizedWeights } from "../arith/fake_quantization.ts";
import { klDivergence, logSoftmax } from "../arith/log_softmax.ts";
import { activationQuantization } from "../arith/quantization.ts";
import { WEIGHT_METHODS } from "../arith/weight_quantization.ts";
import { AUTO_METHOD, type CalibratedTensor, rangeOf, type WidthChoice } from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import { type Change, compileFloat, type WeightVariants } from "../float/engine.ts";
import type { Graph } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import type { CalibrationMethod } from "./method.ts";

/** Samples on which methods are compared, spread evenly over the data. */
const COMPARED_SAMPLES = 32;
/** Widths at which methods are compared, widest first; others take the choice of the next wider one. */
const COMPARED_BITS = [8, 6, 4, 3, 2];
/** Widths that get a choice. */
const CHOSEN_BITS = [8, 7, 6, 5, 4, 3, 2];
/** The first and the last layer stay at this width, as they do in plans. */
const END_BITS = 8;

interface Setting {
  readonly bits: number;
  readonly method: string;
  readonly changes: readonly Change[];
  error: number;
}

/**
 * For every width the method of activation ranges and the method of weight scales under which the network's output
 * moves least: the mean of KL(softmax(y) || softmax(y_q)) over some samples, with the activations (weights) of all layers
 * at that width, the first and last layer at 8 bits, and everything else float. No method is best at every width or for
 * every network (NVIDIA's study, arXiv 2004.09602, tables 5 to 7).
 */
export function chooseMethods(
  graph: Graph,
  dataset: Dataset,
  tensors: readonly CalibratedTensor[],
  methods: readonly CalibrationMethod[],
): Record<string, WidthChoice> {
  const { graph: logits, axis } = logitsOf(graph);
  const engine = compileFloat(logits, weightVariants(logits));
  const activations = activationSettings(logits, tensors, methods);
  const weights = weightSettings(logits);
  const count = Math.min(COMPARED_SAMPLES, dataset.count);
  for (let i = 0; i < count; i++) {
    const expected = logSoftmax(engine.run(sampleAsFloat(dataset, Math.floor(i * dataset.count / count))), axis);
    for (const setting of [...activations, ...weights]) {
      const found = logSoftmax(engine.rerunAll(setting.changes), axis);
      setting.error += Math.max(0, klDivergence(expected, found, axis.outer * axis.inner)) / count;
    }
  }
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
      const { activations } = choices[Math.min(bits, END_BITS)];
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

function activationSettings(
  graph: Graph,
  tensors: readonly CalibratedTensor[],
  methods: readonly CalibrationMethod[],
): Setting[] {
  const layers = layersOf(graph);
  return COMPARED_BITS.flatMap((bits) =>
    methods.map(({ name: method }): Setting => {
      const changes = layers.map(({ name, node: { inputs: [input] } }, i): Change => {
        const width = isEnd(i, layers.length) ? END_BITS : bits;
        const quantization = activationQuantization(rangeOf({ tensors: [...tensors] }, input, method, width), width);
        return { layer: name, input: (data) => fakeQuantize(data, quantization) };
      });
      return { bits, method, changes, error: 0 };
    })
  );
}

function weightSettings(graph: Graph): Setting[] {
  const layers = layersOf(graph);
  return COMPARED_BITS.flatMap((bits) =>
    WEIGHT_METHODS.map((method): Setting => ({
      bits,
      method,
      changes: layers.map(({ name }, i) => ({
        layer: name,
        weights: variantKey(isEnd(i, layers.length) ? END_BITS : bits, method),
      })),
      error: 0,
    }))
  );
}

function weightVariants(graph: Graph): WeightVariants {
  const variants = COMPARED_BITS.flatMap((bits) => WEIGHT_METHODS.map((method) => ({ bits, method })));
  return new Map(
    layersOf(graph).map(({ name, weight: { data, shape } }) => [
      name,
      new Map(variants.map(({ bits, method }) => [
        variantKey(bits, method),
        fakeQuantizedWeights(data, shape[0], { bits, method, perChannel: true }),
      ])),
    ]),
  );
}

const variantKey = (bits: number, method: string): string => `${bits}/${method}`;

const isEnd = (index: number, count: number): boolean => index === 0 || index === count - 1;
