import { activationQuantization, type Quantization, symmetricActivationQuantization } from "../arith/quantization.ts";
import type { WeightStorage } from "../arith/integer_weights.ts";
import { fakeQuantize, fakeQuantizeCentred } from "../arith/fake_quantization.ts";
import type { ClassAxis } from "../arith/log_softmax.ts";
import type { FloatOptions, WeightVariant } from "../float/engine.ts";
import { quantizedVariant } from "../float/quantized_variant.ts";
import { type Calibration, channelMeansOf, channelShiftsOf, rangeOf } from "../format/calibration.ts";
import { END_CANDIDATE, withEndCandidate } from "../format/candidates.ts";
import { inputError, within } from "../format/error.ts";
import {
  type ActivationFormat,
  activationFormatName,
  type CandidateBits,
  candidateBitsOf,
  candidateName,
  integerActivationBits,
  weightFormatName,
} from "../format/plan.ts";
import { type WeightOptions, weightStorage } from "../format/weight_storage.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/channel_axis.ts";
import { type Layer, layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import { sizeOf } from "../tensor/shape.ts";
import { chooseMetrics } from "./choose_metrics.ts";
import type { FrameLayer } from "./frame.ts";
import type { Outline } from "./measurement.ts";
import { DEFAULT_METRIC, METRICS } from "./metrics/mod.ts";
import { shortcutsOf } from "./shortcuts.ts";

/** What a study is made of; all of it can be sent to a Worker, so that it makes the same study. */
export interface SensitivityRequest extends FloatOptions, WeightOptions {
  /** In canonical form. */
  readonly graph: Graph;
  readonly calibration: Calibration;
  /** What errors call the calibration: its file name. */
  readonly calibrationName?: string;
  /** What errors call the data: their file name. */
  readonly dataName: string;
  /** Whether samples come with labels, or with the tokens that follow. */
  readonly hasLabels: boolean;
  /** What every layer is measured at; the ends of the network also at 8/8 when they are fixed. */
  readonly candidates: readonly CandidateBits[];
  /** The column that plan minimises by default. Default soft-kl. */
  readonly metric?: string;
  /** Names of what is measured, as `chooseMetrics` takes them. */
  readonly metrics?: readonly string[] | "all";
  /** Calibration method of activation ranges; the calibration's own choice if left out. */
  readonly method?: string;
  /** Correct biases for what quantized weights take off the mean of each output channel. Default true. */
  readonly biasCorrection?: boolean;
  /** Activation ranges symmetric about zero. Default affine. */
  readonly symmetric?: boolean;
  /** Fix the first and the last layer at 8/8 in the table; they are measured either way. Default true. */
  readonly fixEnds?: boolean;
  /** Decides the random probes of measurements of many rounds. Default 0. */
  readonly probeSeed?: number;
}

/** One layer and everything that is run for it. */
export interface StudiedLayer {
  /** What the table says of it. */
  readonly row: FrameLayer;
  readonly layer: Layer;
  /** The reals that its weights stand for, and its corrected bias, by how they are stored (`weightFormatName`). */
  readonly quantized: ReadonlyMap<string, WeightVariant>;
  /**
   * Rounds its input (memory order) in place, by how it is held (`activationFormatName`); where that changes nothing it is
   * left out.
   */
  readonly inputQuantizers: ReadonlyMap<string, (data: Float32Array) => void>;
}

/** A request made ready: weights quantized, everything checked. */
export interface Study {
  readonly request: SensitivityRequest;
  /** The request's graph up to the logits. */
  readonly graph: Graph;
  readonly axis: ClassAxis;
  readonly layers: readonly StudiedLayer[];
  readonly metric: string;
  /** Names of the score columns, in order. */
  readonly metrics: readonly string[];
}

/** What of a study decides which sums its measurements make. */
export function outlineOf({ metrics, layers }: Study): Outline {
  return { metrics: [...metrics], layers: layers.map(({ row }) => row) };
}

const PIXEL_BITS = 8;

/**
 * @throws DyadError (input) for tensors without calibration; (usage) for metrics that there are not or that need labels
 * where there are none.
 */
export function prepareStudy(request: SensitivityRequest): Study {
  const { metric = DEFAULT_METRIC } = request;
  const { graph, axis } = logitsOf(request.graph);
  const metrics = chooseMetrics(metric, request);
  const all = layersOf(graph);
  if (all.length === 0) throw inputError(`graph ${graph.name}: has no layers with weights, nothing to measure`);
  const shortcuts = shortcutsOf(graph);
  const layers = all.map((layer, i) =>
    studyLayer(request, graph, layer, {
      isEnd: i === 0 || i === all.length - 1,
      tiedTo: shortcuts.get(layer.name),
    })
  );
  return { request, graph, axis, layers, metric, metrics: metrics.map(({ name }) => name) };
}

interface Position {
  readonly isEnd: boolean;
  readonly tiedTo: string | undefined;
}

function studyLayer(
  request: SensitivityRequest,
  graph: Graph,
  layer: Layer,
  { isEnd, tiedTo }: Position,
): StudiedLayer {
  const { calibration, fixEnds = true, biasCorrection = true } = request;
  const candidates = isEnd && fixEnds ? withEndCandidate(request.candidates) : request.candidates;
  const { input } = layer;
  // Pixels are integers of 8 bits already: the quantized network takes them as they are.
  const hasPixels = input === graph.inputs[0] && calibration.preprocess !== undefined;
  const means = biasCorrection ? channelMeansOf(calibration, input) : undefined;
  const formats = new Map(candidates.map((candidate) => [weightFormatName(candidate), candidate]));
  const quantized = new Map(Array.from(formats, ([name, format]) => [
    name,
    variantOf(layer, weightStorage(format, calibration, request), means),
  ]));
  const held = new Map(candidates.map((candidate) => [activationFormatName(candidate), candidate]));
  if (hasPixels) held.delete(activationFormatName({ activationBits: PIXEL_BITS }));
  const row: FrameLayer = {
    name: layer.name,
    operator: layer.node.op,
    parameters: layer.parameters,
    macs: layer.macs,
    inputElements: sizeOf(valueOf(graph, input).shape),
    ...(isEnd && fixEnds && { fixed: candidateName(END_CANDIDATE) }),
    ...(tiedTo !== undefined && { tiedTo }),
    ...(hasPixels && { exactActivationBits: PIXEL_BITS }),
    candidates: candidates.map(candidateBitsOf),
    weightScores: Object.fromEntries(Array.from(quantized, ([name, { weights }]) => [name, scoresOf(layer, weights)])),
  };
  const columns = innermostExtent(valueOf(graph, input).shape);
  const inputQuantizers = new Map(
    Array.from(held, ([name, format]) => [name, inputQuantizer(request, input, format, columns)]),
  );
  return { row, layer, quantized, inputQuantizers };
}

/** @throws DyadError (input) for weights that are not finite, and for codes that their method does not have. */
function variantOf(layer: Layer, storage: WeightStorage, means: readonly number[] | undefined): WeightVariant {
  try {
    return quantizedVariant(layer, storage, means);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw inputError(`layer ${layer.name}: ${error.message}`, { cause: error });
  }
}

/** Of every metric of the weights alone: other metrics are made from some. */
function scoresOf({ weight }: Layer, quantized: Float32Array): Record<string, number> {
  return Object.fromEntries(
    METRICS.flatMap((metric) => metric.kind === "weights" ? [[metric.name, metric.score(weight.data, quantized)]] : []),
  );
}

function inputQuantizer(
  request: SensitivityRequest,
  input: string,
  format: ActivationFormat,
  columns: number,
): (data: Float32Array) => void {
  const { calibration, biasCorrection = true, symmetric = false, method = calibration.method } = request;
  const bits = integerActivationBits(format);
  const quantization = activationOf(request, input, bits);
  const codes = format.activationFormat === "codes" ? { bits: format.activationBits, length: columns } : undefined;
  const shifts = biasCorrection && !symmetric ? channelShiftsOf(calibration, input, method, bits) : undefined;
  if (shifts === undefined) return (data) => fakeQuantize(data, quantization, codes);
  const centred = Float64Array.from(shifts);
  return (data) => fakeQuantizeCentred(data, quantization, centred, codes);
}

function activationOf(
  { calibration, calibrationName = "calibration", method = calibration.method, symmetric = false }: SensitivityRequest,
  tensorName: string,
  bits: number,
): Quantization {
  const range = within(calibrationName, () => rangeOf(calibration, tensorName, method, bits, symmetric));
  return symmetric ? symmetricActivationQuantization(range, bits) : activationQuantization(range, bits);
}
