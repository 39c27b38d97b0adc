import { activationQuantization, type Quantization, symmetricActivationQuantization } from "../arith/quantization.ts";
import { fakeQuantize, fakeQuantizeCentred } from "../arith/fake_quantization.ts";
import type { ClassAxis } from "../arith/log_softmax.ts";
import { type Change, compileFloat, type FloatEngine, type WeightVariant } from "../float/engine.ts";
import { quantizedVariant } from "../float/quantized_variant.ts";
import {
  type Calibration,
  channelMeansOf,
  channelShiftsOf,
  rangeOf,
  type WeightChoice,
  weightMethodOf,
} from "../format/calibration.ts";
import type { Dataset } from "../format/dataset.ts";
import { inputError, usageError, within } from "../format/error.ts";
import { checkLabels } from "../format/labels.ts";
import type { CandidateBits } from "../format/plan.ts";
import type { Graph } from "../ir/graph.ts";
import { type Layer, layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import { withEndCandidate } from "./candidates.ts";
import type { Metric, OutputMetric } from "./metric.ts";
import { DEFAULT_METRIC, METRICS } from "./metrics/mod.ts";
import { type Trial, trialsOf } from "./trials.ts";

export interface SensitivityRequest {
  /** In canonical form. */
  readonly graph: Graph;
  readonly calibration: Calibration;
  /** What errors call the calibration: its file name. */
  readonly calibrationName?: string;
  readonly dataset: Dataset;
  /** Indices of the samples to run, in order. All of them if left out. */
  readonly samples?: readonly number[];
  /** What every layer is measured at; the ends of the network also at 8/8 when they are fixed. */
  readonly candidates: readonly CandidateBits[];
  /** The column that plan minimises by default. Default kl. */
  readonly metric?: string;
  /** What is measured. Default: all metrics that the data have labels for. */
  readonly metrics?: readonly Metric[];
  /** Calibration method of activation ranges; the calibration's own choice if left out. */
  readonly method?: string;
  /** How weight scales are chosen. Default auto: as the calibration found best at each width. */
  readonly weightMethod?: WeightChoice;
  /** Correct biases for what quantized weights take off the mean of each output channel. Default true. */
  readonly biasCorrection?: boolean;
  /** One weight scale per output channel (default) or one per layer. */
  readonly perChannel?: boolean;
  /** Activation ranges symmetric about zero. Default affine. */
  readonly symmetric?: boolean;
  /** Fix the first and the last layer at 8/8 in the table; they are measured either way. Default true. */
  readonly fixEnds?: boolean;
}

/** One layer and everything that is run for it. */
export interface StudiedLayer {
  readonly layer: Layer;
  readonly isEnd: boolean;
  readonly candidates: readonly CandidateBits[];
  readonly isExact: (activationBits: number) => boolean;
  readonly trials: readonly { readonly trial: Trial; readonly change: Change }[];
  /** The reals that its weights stand for, and its corrected bias, by width. */
  readonly quantized: ReadonlyMap<number, WeightVariant>;
}

/** A request made ready: weights quantized, code compiled, everything checked. */
export interface Study {
  readonly request: SensitivityRequest;
  readonly engine: FloatEngine;
  readonly axis: ClassAxis;
  readonly layers: readonly StudiedLayer[];
  readonly samples: readonly number[];
  readonly metric: string;
  readonly metrics: readonly Metric[];
  readonly outputMetrics: readonly OutputMetric[];
}

const PIXEL_BITS = 8;

/**
 * @throws DyadError (input) for tensors without calibration and labels that the network cannot give; (usage) for a
 * metric that is not measured.
 */
export function prepareStudy(request: SensitivityRequest): Study {
  const { dataset, metric = DEFAULT_METRIC } = request;
  const { graph, axis } = logitsOf(request.graph);
  const { metrics = METRICS.filter(({ needs }) => needs !== "labels" || dataset.labels !== undefined) } = request;
  checkMetrics(metric, metrics, dataset);
  if (metrics.some(({ needs }) => needs === "labels")) checkLabelsFit(dataset, axis);
  const all = layersOf(graph);
  if (all.length === 0) throw inputError(`graph ${graph.name}: has no layers with weights, nothing to measure`);
  const layers = all.map((layer, i) => studyLayer(request, graph, layer, i === 0 || i === all.length - 1));
  const variants = layers.map(({ layer, quantized }) => {
    const byKey = Array.from(quantized, ([bits, weights]) => [String(bits), weights] as const);
    return [layer.name, new Map(byKey)] as const;
  });
  return {
    request,
    engine: compileFloat(graph, new Map(variants)),
    axis,
    layers,
    samples: request.samples ?? Array.from({ length: dataset.count }, (_, i) => i),
    metric,
    metrics,
    outputMetrics: metrics.filter((each): each is OutputMetric => each.needs !== "weights"),
  };
}

function studyLayer(request: SensitivityRequest, graph: Graph, layer: Layer, isEnd: boolean): StudiedLayer {
  const { calibration, fixEnds = true, perChannel = true, weightMethod = "auto", biasCorrection = true } = request;
  const { method = calibration.method, symmetric = false } = request;
  const candidates = isEnd && fixEnds ? withEndCandidate(request.candidates) : request.candidates;
  const [input] = layer.node.inputs;
  // Pixels are integers of 8 bits already: the quantized network takes them as they are.
  const hasPixels = input === graph.inputs[0] && calibration.preprocess !== undefined;
  const isExact = (bits: number): boolean => hasPixels && bits === PIXEL_BITS;
  const means = biasCorrection ? channelMeansOf(calibration, input) : undefined;
  const quantized = new Map(candidates.map(({ weightBits: bits }) => [
    bits,
    quantizedVariant(layer, { bits, perChannel, method: weightMethodOf(calibration, bits, weightMethod) }, means),
  ]));
  const trials = trialsOf(candidates, isExact).map((trial) => {
    const { weightBits, activationBits } = trial;
    const quantization = activationBits === undefined ? undefined : activationOf(request, input, activationBits);
    const shifts = activationBits === undefined || !biasCorrection || symmetric
      ? undefined
      : channelShiftsOf(calibration, input, method, activationBits);
    const centred = shifts && Float64Array.from(shifts);
    const change: Change = {
      layer: layer.name,
      weights: weightBits === undefined ? undefined : String(weightBits),
      input: quantization &&
        ((data) => centred ? fakeQuantizeCentred(data, quantization, centred) : fakeQuantize(data, quantization)),
    };
    return { trial, change };
  });
  return { layer, isEnd, candidates, isExact, trials, quantized };
}

function activationOf(
  { calibration, calibrationName = "calibration", method = calibration.method, symmetric = false }: SensitivityRequest,
  tensorName: string,
  bits: number,
): Quantization {
  const range = within(calibrationName, () => rangeOf(calibration, tensorName, method, bits, symmetric));
  return symmetric ? symmetricActivationQuantization(range, bits) : activationQuantization(range, bits);
}

function checkMetrics(metric: string, metrics: readonly Metric[], { name, labels }: Dataset): void {
  if (labels === undefined) {
    const known = [...metrics, ...METRICS].find((each) => each.needs === "labels" && each.name === metric);
    const unlabelled = known ?? metrics.find(({ needs }) => needs === "labels");
    if (unlabelled !== undefined) {
      throw usageError(`the metric "${unlabelled.name}" needs labels, but ${name} has none; give --labels`);
    }
  }
  if (!metrics.some((each) => each.name === metric)) {
    const names = metrics.map((each) => `"${each.name}"`).join(", ");
    throw usageError(`found the metric "${metric}", expected one of ${names}`);
  }
}

function checkLabelsFit({ name, labels }: Dataset, { outer, classes, inner }: ClassAxis): void {
  if (outer * inner !== 1) {
    throw inputError(
      `${name}: has one label per image, but the network gives ${outer * inner} distributions per image; ` +
        `leave the labels out`,
    );
  }
  checkLabels(labels!, classes, name);
}
