import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import { inputError } from "../format/error.ts";
import { countOf, decodeStatistics, encodeStatistics, type TensorStatistics } from "../format/tensor_statistics.ts";
import { compileFloat, type FloatOptions } from "../float/engine.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { innermostExtent } from "../ops/channel_axis.ts";
import { layersOf } from "../ops/layers.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ChannelSums } from "./channel_sums.ts";
import { mergeStatistics, StatisticsCollector } from "./statistics.ts";

/**
 * What is kept of the values that samples gave rise to. All of it is counts, extremes and whole numbers: shares of the
 * samples, merged in any order, are what all samples at once are, to the last bit.
 */
export interface Observations {
  /** Of the input and of every computed value, in the order of the network; none where no sample was run. */
  readonly statistics: ReadonlyMap<string, TensorStatistics>;
  /** Of every value that a layer reads. */
  readonly sums: ReadonlyMap<string, ChannelSums>;
}

export interface ObserveOptions extends FloatOptions {
  /** Samples whose statistics are collected together before they are merged. No influence on the result. Default 32. */
  readonly batch?: number;
  /** Told how many samples have been run. */
  readonly onProgress?: (done: number, total: number) => void;
}

const BATCH = 32;

/**
 * Runs the float network over the samples at `indices` of the data.
 * @throws DyadError (input) for data that do not fit the network and for values that are not finite.
 */
export function observeSamples(
  graph: Graph,
  dataset: Dataset,
  indices: readonly number[],
  { batch = BATCH, onProgress, backend }: ObserveOptions = {},
): Observations {
  const inputs = graph.inputs.map((name) => valueOf(graph, name));
  if (sizeOf(dataset.sampleShape) !== inputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)) {
    const taken = inputs.map(({ name, shape }) => `${name} takes [${shape.slice(1)}]`).join(", ");
    throw inputError(`${dataset.name}: samples have shape [${dataset.sampleShape}], the input ${taken}`);
  }
  const engine = compileFloat(graph, undefined, { backend });
  const sums = noSums(graph);
  let statistics = new Map<string, TensorStatistics>();
  for (let first = 0; first < indices.length; first += batch) {
    const collectors = new Map<string, StatisticsCollector>();
    indices.slice(first, first + batch).forEach((index, i) => {
      engine.run(sampleAsFloat(dataset, index), (name, data) => {
        let collector = collectors.get(name);
        if (collector === undefined) collectors.set(name, collector = new StatisticsCollector(name));
        collector.observe(data, index);
        sums.get(name)?.observe(data);
      });
      onProgress?.(first + i + 1, indices.length);
    });
    const found = new Map(Array.from(collectors, ([name, collector]) => [name, collector.statistics()]));
    statistics = mergeAll(statistics, found);
  }
  return { statistics, sums };
}

/**
 * What the samples of all parts together leave. @throws DyadError (input) for a sample that is in two of them.
 */
export function mergeObservations(graph: Graph, parts: readonly Observations[]): Observations {
  const sums = noSums(graph);
  for (const part of parts) part.sums.forEach((found, name) => sums.get(name)!.add(found));
  const none: ReadonlyMap<string, TensorStatistics> = new Map();
  return { statistics: parts.map(({ statistics }) => statistics).reduce(mergeAll, none), sums };
}

/** Both are of all values of a network, in its order, or empty. */
function mergeAll(
  a: ReadonlyMap<string, TensorStatistics>,
  b: ReadonlyMap<string, TensorStatistics>,
): Map<string, TensorStatistics> {
  if (a.size === 0 || b.size === 0) return new Map(a.size === 0 ? b : a);
  return new Map(Array.from(a, ([name, found]) => [name, mergeStatistics(found, b.get(name)!)]));
}

function noSums(graph: Graph): Map<string, ChannelSums> {
  return new Map(
    layersOf(graph).map(({ input: name }) => [
      name,
      new ChannelSums(innermostExtent(valueOf(graph, name).shape)),
    ]),
  );
}

const SUMS_PREFIX = "channel-sums/";

/** Sums as tensors of the companion file: `channel-sums/<name>` i64 [channels], in units of 2^-16. */
export function encodeSums(sums: Observations["sums"]): Map<string, Tensor> {
  return new Map(Array.from(sums, ([name, found]) => [SUMS_PREFIX + name, found.tensor()]));
}

/** Observations as tensors of the companion file. */
export function encodeObservations({ statistics, sums }: Observations): Map<string, Tensor> {
  return new Map([...encodeStatistics(statistics), ...encodeSums(sums)]);
}

/**
 * The observations of the samples at `indices`, from the tensors of a companion file.
 * @throws DyadError (input), naming the tensor, for what running these samples through `graph` cannot have left.
 */
export function decodeObservations(
  graph: Graph,
  indices: readonly number[],
  tensors: ReadonlyMap<string, Tensor>,
): Observations {
  const found = decodeStatistics(tensors);
  const names = indices.length === 0 ? [] : [...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  const known = new Set(names);
  for (const name of found.keys()) {
    if (!known.has(name)) throw inputError(`found statistics of tensor "${name}", which should hold none`);
  }
  const statistics = new Map(names.map((name): [string, TensorStatistics] => {
    const own = found.get(name);
    if (own === undefined) throw inputError(`found no statistics of tensor "${name}", expected some of every tensor`);
    const isOfIndices = own.samples.length === indices.length &&
      own.samples.every((sample, i) => sample === indices[i]);
    const count = indices.length * sizeOf(valueOf(graph, name).shape);
    if (isOfIndices && countOf(own) === count) return [name, own];
    throw inputError(
      `statistics of tensor "${name}": found ${countOf(own)} values of ${own.samples.length} samples, expected ` +
        `${count} of ${indices.length}, those of this part; make the part again`,
    );
  }));
  const sums = noSums(graph);
  for (const [name, empty] of sums) {
    const positions = indices.length * sizeOf(valueOf(graph, name).shape) / empty.channels;
    sums.set(name, ChannelSums.from(tensors.get(SUMS_PREFIX + name), empty.channels, positions, SUMS_PREFIX + name));
  }
  return { statistics, sums };
}
