import { setImmediate } from "node:timers/promises";
import type { Dataset } from "../lib/format/dataset.ts";
import { JobWorker, WorkerUnavailable } from "./job_worker.ts";
import { queueComputer, runJob } from "./jobs/run.ts";
import type { CompiledRunner, Runner, RunnerOutput } from "./runner.ts";
import type { SampleRange } from "./sample_chunks.ts";
import {
  awaitOutput,
  claimSample,
  closeQueue,
  createSampleQueue,
  filledCount,
  putSample,
  type SampleQueue,
  stateOf,
  takeOutput,
} from "./sample_queue.ts";

/** How often this thread looks whether a Worker has come up, or failed. */
const TURN_MS = 5;

export interface TeamOptions {
  /** How many threads compute, this one among them; the others are Workers. */
  readonly threads: number;
  /** The network made ready for this thread, once it is needed. */
  compile(): CompiledRunner;
  /** The module that serves `runJob` in a Worker. Default: the program itself. */
  readonly module?: URL;
  /** Told what a user should know: that there are no Workers after all. */
  note(text: string): void;
}

export interface OutputWatcher {
  /** Given the output of every sample, in their order. */
  onOutput(output: RunnerOutput): void;
  /** Called after that. */
  onProgress?(done: number, total: number): void;
}

/**
 * Threads that run one network on the samples of one dataset, which they take one by one from memory that they share. This
 * thread hands out samples, computes too, and begins while the Workers come up.
 */
export class SampleTeam {
  readonly #queue: SampleQueue;
  readonly #workers: JobWorker<null, null>[] = [];
  #compute: ((sample: number) => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isClosed = false;
  #isAlone = false;

  constructor(
    private readonly runner: Runner,
    private readonly dataset: Dataset,
    private readonly options: TeamOptions,
  ) {
    this.#queue = createSampleQueue(runner, dataset, options.threads);
    for (let i = 1; i < options.threads; i++) this.#employ(`Worker ${i}`);
  }

  /** Resolves once all Workers have come up, or have turned out not to. */
  async ready(): Promise<void> {
    while (this.#workers.length < this.options.threads - 1 && !this.#isAlone && this.#failure === undefined) {
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
    }
  }

  /**
   * Runs the network on the samples of a range.
   * @throws DyadError (input) for the first sample or output that is refused; an Error naming a Worker that ended.
   */
  async run({ first, end }: SampleRange, { onOutput, onProgress }: OutputWatcher): Promise<void> {
    const { dataset, options } = this;
    const queue = this.#queue;
    this.#compute ??= queueComputer(options.compile(), queue);
    /** What numbers in the queue are ahead of those in the dataset. */
    const ahead = filledCount(queue) - first;
    let filled = first;
    let turn = performance.now();
    /** Why the sample behind those that are filled cannot be had. */
    let refusal: { readonly error: unknown } | undefined;
    for (let next = first; next < end;) {
      try {
        for (; filled < end && filled - next < queue.slots && refusal === undefined; filled++) {
          putSample(queue, dataset.sample(filled));
        }
      } catch (error) {
        refusal = { error };
      }
      if (refusal !== undefined && next === filled) throw refusal.error;
      const claimed = claimSample(queue);
      if (claimed !== undefined) this.#compute(claimed);
      else awaitOutput(queue, next + ahead, TURN_MS);
      const collected = next;
      for (; next < filled; next++) {
        const state = stateOf(queue, next + ahead);
        if (state === "open") break;
        onOutput(state === "done" ? takeOutput(queue, next + ahead) : this.#computeAgain(next));
      }
      if (next > collected) onProgress?.(next - first, end - first);
      if (performance.now() - turn < TURN_MS) continue;
      await setImmediate();
      turn = performance.now();
      if (this.#failure !== undefined) throw this.#failure.error;
    }
  }

  /** Ends all Workers, whatever they do. */
  async close(): Promise<void> {
    this.#isClosed = true;
    closeQueue(this.#queue);
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  /** For what it throws: a sample that was refused is refused again. */
  #computeAgain(index: number): RunnerOutput {
    const compiled = this.options.compile();
    return compiled.run(compiled.prepare(this.dataset, index));
  }

  /** Has a Worker compute samples until the queue is closed. */
  async #employ(name: string): Promise<void> {
    try {
      const setup = { source: this.runner.source, queue: this.#queue };
      const worker = await JobWorker.start<typeof setup, null, null>(name, runJob, setup, this.options.module);
      if (this.#isClosed) return await worker.terminate();
      this.#workers.push(worker);
      await worker.compute(null);
    } catch (error) {
      if (!(error instanceof WorkerUnavailable)) this.#failure ??= { error };
      else if (!this.#isAlone) {
        this.#isAlone = true;
        this.options.note(`going on in one thread: Workers could not be started: ${error.message}`);
      }
    }
  }
}
