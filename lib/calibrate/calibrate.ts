import { channelRanges } from "../arith/weight_quantization.ts";
import type { Range } from "../arith/quantization.ts";
import { AUTO_METHOD, type Calibration, encodeWeightRanges } from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import { inputError } from "../format/error.ts";
import { encodeStatistics, extremesOf, type TensorStatistics } from "../format/tensor_statistics.ts";
import { compileFloat, type FloatEngine } from "../float/engine.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/add.ts";
import { layersOf } from "../ops/layers.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ChannelSums } from "./channel_sums.ts";
import { chooseMethods, measureShifts, prepareComparison, withAutoRanges } from "./choose_methods.ts";
import { type CalibrationMethod, standardMethods } from "./method.ts";
import { mergeStatistics, StatisticsCollector } from "./statistics.ts";
import { tensorRanges } from "./tensor_ranges.ts";

export interface CalibrateOptions {
  /** What later steps use unless told otherwise; `auto` takes what was measured to be best at each width. */
  readonly method: CalibrationMethod | "auto";
  /** Samples whose statistics are collected together before they are merged. No influence on the result. Default 32. */
  readonly batch?: number;
  /** Told how many samples have been run. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Told, after that, how many of the runs that compare methods have been made. */
  readonly onComparison?: (done: number, total: number) => void;
}

/** What a calibration holds beside its header and the reference to its tensors. */
export type CalibrationContent = Omit<Calibration, "tensorsFile">;

const BATCH = 32;

/**
 * Runs the float network over the data, collects statistics of the input and of every computed value, and has every
 * standard method (and `method`) read them. `tensors` go into the file beside the artefact.
 * @throws DyadError (input) for data that do not fit the network and for values that are not finite.
 */
export function calibrateGraph(
  graph: Graph,
  dataset: Dataset,
  options: CalibrateOptions,
): { content: CalibrationContent; tensors: Map<string, Tensor> } {
  const [inputName] = graph.inputs;
  const input = valueOf(graph, inputName);
  if (sizeOf(dataset.sampleShape) !== sizeOf(input.shape)) {
    throw inputError(
      `${dataset.name}: samples have shape [${dataset.sampleShape}], the input ${inputName} takes [${
        input.shape.slice(1)
      }]`,
    );
  }
  const engine = compileFloat(graph);
  const layers = layersOf(graph);
  const sums = new Map(layers.map(({ node: { inputs: [name] } }) => [
    name,
    new ChannelSums(innermostExtent(valueOf(graph, name).shape)),
  ]));
  const statistics = collect(engine, dataset, sums, options);
  const { method } = options;
  const standard = standardMethods();
  const isNew = method !== "auto" && !standard.some(({ name }) => name === method.name);
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
  const comparison = prepareComparison(graph, dataset, tensors);
  const choices = chooseMethods(comparison, methods, options.onComparison);
  const chosen = method === "auto" ? AUTO_METHOD : method.name;
  const ranged = withAutoRanges(tensors, choices);
  const shifts = measureShifts({ ...comparison, tensors: ranged }, chosen);
  const content: CalibrationContent = {
    method: chosen,
    choices,
    samples: dataset.count,
    data: { sha256: dataset.sha256, first: 0 },
    ...(holdsImages(dataset) && { preprocess: dataset.preprocess }),
    input: { name: inputName, shape: [...input.shape] },
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
  const stored = Array.from(sums, ([name, found]): [string, Tensor] => [`channel-sums/${name}`, found.tensor()]);
  const binned = encodeStatistics(statistics);
  return { content, tensors: new Map([...binned, ...encodeWeightRanges(weightRanges), ...stored]) };
}

/** Whether the samples are pixels, or floats that are said to be normalised pixels. */
function holdsImages(dataset: Dataset): boolean {
  return dataset.sampleShape.length === 3 && !(dataset.kind === "float" && dataset.isPreprocessAssumed);
}

function collect(
  engine: FloatEngine,
  dataset: Dataset,
  sums: ReadonlyMap<string, ChannelSums>,
  { batch = BATCH, onProgress }: CalibrateOptions,
): Map<string, TensorStatistics> {
  let merged = new Map<string, TensorStatistics>();
  for (let first = 0; first < dataset.count; first += batch) {
    const collectors = new Map<string, StatisticsCollector>();
    const end = Math.min(first + batch, dataset.count);
    for (let i = first; i < end; i++) {
      engine.run(sampleAsFloat(dataset, i), (name, data) => {
        let collector = collectors.get(name);
        if (collector === undefined) collectors.set(name, collector = new StatisticsCollector(name));
        collector.observe(data, i);
        sums.get(name)?.observe(data);
      });
      onProgress?.(i + 1, dataset.count);
    }
    const part = Array.from(collectors, ([name, collector]): [string, TensorStatistics] => {
      const before = merged.get(name);
      const found = collector.statistics();
      return [name, before ? mergeStatistics(before, found) : found];
    });
    merged = new Map(part);
  }
  return merged;
}

function widestOf(ranges: readonly Range[]): Range {
  return ranges.reduce((a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }));
}
