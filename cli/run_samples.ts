import type { Dataset } from "../lib/format/dataset.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import { chunkRunner, runJob } from "./jobs/run.ts";
import type { OnProgress } from "./progress.ts";
import type { CompiledRunner, Runner, RunnerOutput } from "./runner.ts";
import { runChunks } from "./sample_chunks.ts";
import { summarizeTimes, type Timing, warmUp } from "./timing.ts";
import { JobPool } from "./workers.ts";

/** Samples that are timed: enough for a median and its spread, and no more time than that takes. */
export const TIMED_SAMPLES = 1000;
export const TIMED_SECONDS = 10;

/** More would let threads end at different times; fewer would be more messages than work. */
const CHUNK_SAMPLES = 64;
const CHUNK_BYTES = 2 ** 20;

export interface RunSurroundings {
  readonly threads: number;
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
 * Runs a network on every sample of a dataset, on so many threads.
 * @throws DyadError (input) for a network, a sample or an output that is refused, of several the first.
 */
export async function runSamples(
  runner: Runner,
  dataset: Dataset,
  { threads, isTimed, onProgress, note }: RunSurroundings,
): Promise<SampleRun> {
  const { count } = dataset;
  let compiled: CompiledRunner | undefined;
  const compile = (): CompiledRunner => compiled ??= runner.compile();
  const first = isTimed ? timeSamples(compile(), dataset, onProgress) : undefined;
  const outputs = first?.outputs ?? [];
  const timed = outputs.length;
  const job = { ...runJob, open: () => chunkRunner(compile()) }; // this thread has the network already
  const pool = new JobPool(job, runner.source, { threads, note });
  try {
    await runChunks(pool, {
      dataset,
      range: { first: timed, end: count },
      chunkSize: chunkSizeOf(dataset),
      taskOf: (chunk) => chunk,
      onResult: (found) => void outputs.push(...found),
      onProgress: (done) => onProgress(timed + done, count),
    });
  } finally {
    await pool.close();
  }
  return { outputs, times: first && summarizeTimes(first.milliseconds) };
}

interface TimedRun {
  readonly outputs: RunnerOutput[];
  readonly milliseconds: number[];
}

/** The first samples, as many as are timed. */
function timeSamples(runner: CompiledRunner, dataset: Dataset, onProgress: OnProgress): TimedRun {
  const outputs: RunnerOutput[] = [];
  const milliseconds: number[] = [];
  const first = runner.prepare(dataset, 0);
  warmUp(() => runner.run(first));
  const samples = Math.min(dataset.count, TIMED_SAMPLES);
  const end = performance.now() + 1000 * TIMED_SECONDS;
  for (let i = 0; i < samples && (i === 0 || performance.now() < end); i++) {
    const input = runner.prepare(dataset, i);
    const start = performance.now();
    outputs.push(runner.run(input));
    milliseconds.push(performance.now() - start);
    onProgress(i + 1, dataset.count);
  }
  return { outputs, milliseconds };
}

function chunkSizeOf({ kind, sampleShape }: Dataset): number {
  const bytes = sizeOf(sampleShape) * (kind === "pixels" ? 1 : Float32Array.BYTES_PER_ELEMENT);
  return Math.max(1, Math.min(CHUNK_SAMPLES, Math.floor(CHUNK_BYTES / bytes)));
}
