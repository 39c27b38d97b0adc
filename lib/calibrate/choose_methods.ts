import { fakeQuantize, fakeQuantizeCentred } from "../arith/fake_quantization.ts";
import { WEIGHT_METHODS, type WeightMethod } from "../arith/weight_quantization.ts";
import { type CalibratedTensor, channelMeansOf, type WidthChoice } from "../format/calibration.ts";
import type { Dataset } from "../format/dataset.ts";
import type { Change, FloatOptions, WeightVariant, WeightVariants } from "../float/engine.ts";
import { quantizedVariant } from "../float/quantized_variant.ts";
import type { Graph } from "../ir/graph.ts";
import { plainValues } from "../ops/held_values.ts";
import { layersOf } from "../ops/layers.ts";
import { Comparison, type Setting } from "./comparison.ts";
import type { CalibrationMethod } from "./method.ts";

/** Widths at which methods are compared, widest first; others take the choice of the next wider one. */
const COMPARED_BITS = [8, 4, 3, 2];
/** Widths that get a choice. */
export const CHOSEN_BITS: readonly number[] = [8, 7, 6, 5, 4, 3, 2];
/** The first and the last layer stay at this width, as they do in plans, and so does what no layer reads. */
export const PLAIN_BITS = 8;

/** Prepares the comparison of methods on some samples of the data. */
export function prepareComparison(
  graph: Graph,
  dataset: Dataset,
  tensors: readonly CalibratedTensor[],
  options: FloatOptions = {},
): Comparison {
  return Comparison.prepare(graph, dataset, tensors, (logits) => weightVariants(logits, tensors), options);
}

/** A setting that has been measured. */
interface Measured extends Pick<Setting, "bits" | "method"> {
  readonly error: number;
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
  const runs = comparison.samples * COMPARED_BITS.length * (names.length + WEIGHT_METHODS.length);
  let done = 0;
  const measured = (settings: readonly Setting[]): Measured[] => {
    const errors = comparison.errorsOf(settings, () => onProgress(++done, runs));
    return settings.map(({ bits, method }, i) => ({ bits, method, error: errors[i] }));
  };
  const inputs = comparison.layerInputs;
  comparison.shifts.measure(
    names.flatMap((name) => COMPARED_BITS.flatMap((bits) => inputs.map((x) => comparison.quantizer(x, bits, name)))),
  );
  const atPlain = measured(names.map((name) => activationSetting(comparison, PLAIN_BITS, name, name)));
  const [plain] = best(atPlain, PLAIN_BITS);
  const others = COMPARED_BITS.filter((bits) => bits < PLAIN_BITS);
  const below = names.flatMap((name) => others.map((bits) => activationSetting(comparison, bits, name, plain)));
  const weightSettings = COMPARED_BITS.flatMap((bits) =>
    WEIGHT_METHODS.map((method) => weightSetting(comparison, bits, method))
  );
  const activations = [...atPlain, ...measured(below)];
  const weights = measured(weightSettings);
  return Object.fromEntries(CHOSEN_BITS.map((bits) => {
    const compared = COMPARED_BITS.findLast((width) => width >= bits)!;
    const [activation, activationErrors] = best(activations, compared);
    const [weight, weightErrors] = best(weights, compared);
    const choice: WidthChoice = {
      ...(compared !== bits && { measuredBits: compared }),
      activations: activation,
      activationErrors,
      weights: weight as WeightMethod, // settings of weights are of these alone
      weightErrors,
    };
    return [bits, choice];
  }));
}

/** By tensor that a layer reads and by width: how far the ranges of `method` move the mean of each channel. */
export function measureShifts(comparison: Comparison, method: string): Map<string, Record<string, number[]>> {
  const quantizers = comparison.layerInputs.map((tensor) => ({
    tensor,
    byBits: CHOSEN_BITS.map((bits) => ({ bits, quantizer: comparison.quantizer(tensor, bits, method) })),
  }));
  comparison.shifts.measure(quantizers.flatMap(({ byBits }) => byBits.map(({ quantizer }) => quantizer)));
  return new Map(quantizers.map(({ tensor, byBits }) => [
    tensor,
    Object.fromEntries(byBits.map(({ bits, quantizer }) => [
      bits,
      Array.from(comparison.shifts.of(quantizer), (mean) => Number(mean.toPrecision(6))),
    ])),
  ]));
}

function best(measured: readonly Measured[], bits: number): [string, Record<string, number>] {
  const errors = measured.filter((setting) => setting.bits === bits);
  const least = errors.reduce((a, b) => b.error < a.error ? b : a);
  return [least.method, Object.fromEntries(errors.map(({ method, error }) => [method, error]))];
}

/** All activations quantized: what sums, pools and the ends read is at 8 bits by `plainMethod`. */
function activationSetting(comparison: Comparison, bits: number, method: string, plainMethod: string): Setting {
  const { graph } = comparison.engine;
  const layers = layersOf(graph);
  const plain = (tensor: string) => {
    const { quantization } = comparison.quantizer(tensor, PLAIN_BITS, plainMethod);
    return (data: Float32Array) => fakeQuantize(data, quantization);
  };
  const changes = layers.map(({ name, input }, i): Change => {
    if (isEnd(i, layers.length)) return { layer: name, input: plain(input) };
    const quantizer = comparison.quantizer(input, bits, method);
    const means = comparison.shifts.of(quantizer);
    return { layer: name, input: (data) => fakeQuantizeCentred(data, quantizer.quantization, means) };
  });
  return { bits, method, changes, rewrites: new Map(plainValues(graph).map((value) => [value, plain(value)])) };
}

/** All weights quantized. */
function weightSetting({ engine: { graph } }: Comparison, bits: number, method: string): Setting {
  const layers = layersOf(graph);
  const changes = layers.map(({ name }, i): Change => ({
    layer: name,
    weights: variantKey(isEnd(i, layers.length) ? PLAIN_BITS : bits, method),
  }));
  return { bits, method, changes };
}

function weightVariants(graph: Graph, tensors: readonly CalibratedTensor[]): WeightVariants {
  const settings = COMPARED_BITS.flatMap((bits) => WEIGHT_METHODS.map((method) => ({ bits, method })));
  return new Map(
    layersOf(graph).map((layer) => {
      const means = channelMeansOf({ tensors: [...tensors] }, layer.input);
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
