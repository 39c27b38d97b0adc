import type { Dataset, FloatDataset, PixelDataset, SampleSource } from "../lib/format/dataset.ts";
import type { JobPool } from "./workers.ts";

/** Samples that follow each other in a dataset, as data alone, to be sent to other threads. */
export type SampleChunk = ChunkOf<PixelDataset> | ChunkOf<FloatDataset>;

type ChunkOf<D extends Dataset> = Pick<D, "kind" | "name" | "preprocess"> & {
  /** Place of the first in the dataset. */
  readonly first: number;
  readonly samples: readonly ReturnType<D["sample"]>[];
  /** Of a stream of tokens, what follows each. */
  readonly targets?: readonly Int32Array[];
};

/** The samples from `first` up to `end`, which is not one of them. */
export interface SampleRange {
  readonly first: number;
  readonly end: number;
}

export function chunkOf(dataset: Dataset, { first, end }: SampleRange): SampleChunk {
  const { name, preprocess, targets } = dataset;
  const common = { name, preprocess, first };
  const indices = Array.from({ length: end - first }, (_, i) => first + i);
  // Copies: a view would take all samples along.
  if (dataset.kind === "pixels") {
    return { kind: dataset.kind, ...common, samples: indices.map((i) => dataset.sample(i).slice()) };
  }
  const samples = indices.map((i) => dataset.sample(i).slice());
  return { kind: dataset.kind, ...common, samples, ...(targets && { targets: indices.map((i) => targets(i)) }) };
}

/** The samples of a chunk, each under its place in the dataset. */
export function sourceOf(chunk: SampleChunk): SampleSource {
  const { name, preprocess, first, targets } = chunk;
  return chunk.kind === "pixels"
    ? { kind: chunk.kind, name, preprocess, sample: (index) => chunk.samples[index - first] }
    : {
      kind: chunk.kind,
      name,
      preprocess,
      sample: (index) => chunk.samples[index - first],
      ...(targets && { targets: (index: number) => targets[index - first] }),
    };
}

/** Work that a Worker has to have for it to be worth starting: some three times what its start takes. */
const LEAST_WORK_MS = 1000;

/** How many threads work of this length is worth, by the time that it would take on one. */
export function worthwhileThreads(milliseconds: number, processors = navigator.hardwareConcurrency): number {
  return Math.max(1, Math.min(processors, Math.floor(milliseconds / LEAST_WORK_MS)));
}

/** What is computed of the samples of a dataset on the threads of a pool. */
export interface ChunkedWork<Task, Result> {
  readonly dataset: Dataset;
  readonly range: SampleRange;
  /** Most samples of one task. */
  readonly chunkSize: number;
  /** Most results that may have to wait for an earlier one; a multiple of the threads. Default: any number. */
  readonly waiting?: number;
  taskOf(chunk: SampleChunk): Task;
  /** Given the result of every task, in the order of the samples. */
  onResult(result: Result): void;
  onProgress(done: number, total: number): void;
}

/**
 * Computes the samples of a range, a chunk at a time in each thread, of which no more are copied than threads work on.
 * @throws what `JobPool.run` throws; no result of a later sample has been given then.
 */
export async function runChunks<Task, Result>(
  pool: Pick<JobPool<never, Task, Result>, "run">,
  { dataset, range, chunkSize, waiting = Infinity, taskOf, onResult, onProgress }: ChunkedWork<Task, Result>,
): Promise<void> {
  const chunks = chunksOf(range, chunkSize);
  const total = range.end - range.first;
  const done = new Float64Array(chunks.length);
  let sum = 0;
  const progress = (chunk: number, samples: number): void => {
    sum += samples - done[chunk];
    done[chunk] = samples;
    onProgress(sum, total);
  };
  for (let start = 0; start < chunks.length; start += waiting) {
    const lot = chunks.slice(start, start + waiting);
    const finished = new Map<number, Result>();
    let next = 0;
    await pool.run(lot.length, (index) => taskOf(chunkOf(dataset, lot[index])), {
      onPart: (index, fraction) => progress(start + index, Math.round(fraction * sizeOf(lot[index]))),
      onResult(result, index) {
        progress(start + index, sizeOf(lot[index]));
        finished.set(index, result);
        for (; finished.has(next); next++) {
          onResult(finished.get(next)!);
          finished.delete(next);
        }
      },
    });
  }
}

function chunksOf({ first, end }: SampleRange, size: number): SampleRange[] {
  const count = Math.ceil((end - first) / size);
  return Array.from({ length: count }, (_, i) => ({
    first: first + i * size,
    end: Math.min(first + (i + 1) * size, end),
  }));
}

function sizeOf({ first, end }: SampleRange): number {
  return end - first;
}
