import type { Dataset } from "../lib/format/dataset.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import { chunkRunner, runJob } from "./jobs/run.ts";
import type { OnProgress } from "./progress.ts";
import type { CompiledRunner, Runner, RunnerOutput } from "./runner.ts";
import { runChunks, worthwhileThreads } from "./sample_chunks.ts";
import { summarizeTimes, type Timing, warmUp } from "./timing.ts";
import { JobPool } from "./workers.ts";

/** Samples that are timed: enough for a median and its spread, and no more time than that takes. */
export const TIMED_SAMPLES = 1000;
export const TIMED_SECONDS = 10;

/** More would let threads end at different times; fewer would be more messages than work. */
const CHUNK_SAMPLES = 64;
const CHUNK_BYTES = 2 ** 20;

export interface RunSurroundings {
  /** Default: as many as are worth it, at most one for each processor. */
  readonly threads?: number;
  /** Times samples as well, one by one, before other threads have work. */
  readonly isTimed: boolean;
  readonly onProgress: OnProgress;
  note(text: string): void;
}

export interface SampleRun {
  /** In the order of the samples. */
  readonly outputs: readonly RunnerOutput[];
  /** When asked for. */
  readonly times?: Timing;
}

/**
 * Runs a network on every sample of a dataset, on several threads.
 * @throws DyadError (input) for a network, a sample or an output that is refused, of several the first.
 */
export async function runSamples(
  runner: Runner,
  dataset: Dataset,
  { threads, isTimed, onProgress, note }: RunSurroundings,
): Promise<SampleRun> {
  const { count } = dataset;
  const chunkSize = chunkSizeOf(dataset);
  let compiled: CompiledRunner | undefined;
  const compile = (): CompiledRunner => compiled ??= runner.compile();
  const first = isTimed || threads === undefined
    ? runHere(compile(), dataset, isTimed ? TIMED_SAMPLES : chunkSize, { isWarm: isTimed, onProgress })
    : undefined;
  const outputs = first?.outputs ?? [];
  const done = outputs.length;
  const shared = threads ?? worthwhileThreads(first!.meanMs * (count - done));
  const job = { ...runJob, open: () => chunkRunner(compile()) }; // this thread has the network already
  const pool = new JobPool(job, runner.source, { threads: shared, note });
  try {
    await runChunks(pool, {
      dataset,
      range: { first: done, end: count },
      chunkSize,
      taskOf: (chunk) => chunk,
      onResult: (found) => void outputs.push(...found),
      onProgress: (more) => onProgress(done + more, count),
    });
  } finally {
    await pool.close();
  }
  return { outputs, times: isTimed ? summarizeTimes(first!.milliseconds) : undefined };
}

interface FirstSamples {
  readonly outputs: RunnerOutput[];
  /** Of each, reading and normalising not counted. */
  readonly milliseconds: number[];
  /** Of one, everything counted. */
  readonly meanMs: number;
}

/** Runs the first samples in this thread: so many, or those that `TIMED_SECONDS` suffice for. */
function runHere(
  runner: CompiledRunner,
  dataset: Dataset,
  most: number,
  { isWarm, onProgress }: { readonly isWarm: boolean; readonly onProgress: OnProgress },
): FirstSamples {
  if (isWarm) {
    const input = runner.prepare(dataset, 0);
    warmUp(() => runner.run(input));
  }
  const outputs: RunnerOutput[] = [];
  const milliseconds: number[] = [];
  const samples = Math.min(dataset.count, most);
  const begin = performance.now();
  let end = begin;
  while (outputs.length < samples && (outputs.length === 0 || end - begin < 1000 * TIMED_SECONDS)) {
    const input = runner.prepare(dataset, outputs.length);
    const start = performance.now();
    outputs.push(runner.run(input));
    end = performance.now();
    milliseconds.push(end - start);
    onProgress(outputs.length, dataset.count);
  }
  return { outputs, milliseconds, meanMs: (end - begin) / outputs.length };
}

function chunkSizeOf({ kind, sampleShape }: Dataset): number {
  const bytes = sizeOf(sampleShape) * (kind === "pixels" ? 1 : Float32Array.BYTES_PER_ELEMENT);
  return Math.max(1, Math.min(CHUNK_SAMPLES, Math.floor(CHUNK_BYTES / bytes)));
}
