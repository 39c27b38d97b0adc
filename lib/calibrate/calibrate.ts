import { channelRanges } from "../arith/weight_quantization.ts";
import type { Range } from "../arith/quantization.ts";
import { AUTO_METHOD, type Calibration, encodeWeightRanges } from "../format/calibration.ts";
import type { FloatOptions } from "../float/engine.ts";
import type { Dataset } from "../format/dataset.ts";
import { encodeStatistics, extremesOf } from "../format/tensor_statistics.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { withAutoRanges } from "./auto_ranges.ts";
import { chooseMethods, measureShifts, prepareComparison } from "./choose_methods.ts";
import { type CalibrationMethod, standardMethods } from "./method.ts";
import { encodeSums, type Observations, type ObserveOptions, observeSamples } from "./observations.ts";
import { tensorRanges } from "./tensor_ranges.ts";

export interface CompleteOptions extends FloatOptions {
  /** What later steps use unless told otherwise; `auto` takes what was measured to be best at each width. */
  readonly method: CalibrationMethod | typeof AUTO_METHOD;
  /** Told how many of the runs that compare methods have been made. */
  readonly onComparison?: (done: number, total: number) => void;
}

export type CalibrateOptions = CompleteOptions & ObserveOptions;

/** What a calibration holds beside its header and the reference to its tensors. */
export type CalibrationContent = Omit<Calibration, "tensorsFile">;

/** A calibration, and the tensors that go into the file beside it. */
export interface CalibrationFiles {
  readonly content: CalibrationContent;
  readonly tensors: Map<string, Tensor>;
}

/**
 * Runs the float network over the data, collects statistics of the input and of every computed value, and has every
 * standard method (and `method`) read them. `tensors` go into the file beside the artefact.
 * @throws DyadError (input) for data that do not fit the network and for values that are not finite.
 */
export function calibrateGraph(graph: Graph, dataset: Dataset, options: CalibrateOptions): CalibrationFiles {
  const all = Array.from({ length: dataset.count }, (_, i) => i);
  return completeCalibration(graph, dataset, observeSamples(graph, dataset, all, options), options);
}

/**
 * What `calibrateGraph` does once all samples have been observed, in whatever shares: ranges need the statistics of all of
 * them, and the comparison of methods needs the ranges.
 */
export function completeCalibration(
  graph: Graph,
  dataset: Dataset,
  { statistics, sums }: Observations,
  options: CompleteOptions,
): CalibrationFiles {
  const [inputName] = graph.inputs;
  const layers = layersOf(graph);
  const { method } = options;
  const standard = standardMethods();
  const isNew = method !== AUTO_METHOD && !standard.some(({ name }) => name === method.name);
  const methods = isNew ? [...standard, method] : standard;
  const tensors = Array.from(statistics.values(), (found) => ({
    name: found.name,
    shape: [...valueOf(graph, found.name).shape],
    count: found.counts.reduce((a, b) => a + b, 0),
    ...extremesOf(found),
    ...(sums.has(found.name) && { channelMeans: sums.get(found.name)!.means() }),
    ...tensorRanges(found, methods),
  }));
  const weightRanges = new Map(
    layers.map(({ weightName, weight }) => [weightName, channelRanges(weight.data, weight.shape[0])]),
  );
  const comparison = prepareComparison(graph, dataset, tensors, options);
  const choices = chooseMethods(comparison, methods, options.onComparison);
  const chosen = method === AUTO_METHOD ? AUTO_METHOD : method.name;
  const ranged = withAutoRanges(tensors, choices);
  const shifts = measureShifts(comparison.withTensors(ranged), chosen);
  const content: CalibrationContent = {
    method: chosen,
    choices,
    samples: dataset.count,
    data: { sha256: dataset.sha256, first: 0 },
    ...(holdsImages(dataset) && { preprocess: dataset.preprocess }),
    input: { name: inputName, shape: [...valueOf(graph, inputName).shape] },
    model: { name: graph.name },
    tensors: ranged.map((found) => ({
      ...found,
      ...(shifts.has(found.name) && { channelShifts: shifts.get(found.name) }),
    })),
    weights: layers.map(({ name, weightName }) => {
      const ranges = weightRanges.get(weightName)!;
      return { name, tensor: weightName, channels: ranges.length, ...widestOf(ranges) };
    }),
  };
  const tensorsFile = [...encodeStatistics(statistics), ...encodeWeightRanges(weightRanges), ...encodeSums(sums)];
  return { content, tensors: new Map(tensorsFile) };
}

/** Whether the samples are pixels, or floats that are said to be normalised pixels. */
function holdsImages(dataset: Dataset): boolean {
  return dataset.sampleShape.length === 3 && !(dataset.kind === "float" && dataset.isPreprocessAssumed);
}

function widestOf(ranges: readonly Range[]): Range {
  return ranges.reduce((a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }));
}
