import type { Interruption } from "./interruption.ts";
import { JobWorker, WorkerUnavailable } from "./job_worker.ts";
import type { Compute, Job } from "./jobs/job.ts";

export interface PoolOptions {
  /** How many tasks are computed at a time; 1 is in this thread, without Workers. */
  readonly threads: number;
  /** Ends all work when a signal arrives. */
  readonly interruption?: Pick<Interruption, "signal" | "check">;
  /** The module that serves the job in a Worker. Default: the program itself. */
  readonly module?: URL;
  /** Told what a user should know: that there are no Workers after all. */
  note(text: string): void;
}

/** What a caller of tasks sees of them. `index` is that of the task; they may be done in any order. */
export interface TaskWatcher<Result> {
  onResult(result: Result, index: number): void;
  /** Told now and then which fraction of a task is done. */
  onPart?(index: number, fraction: number): void;
}

/**
 * Computes tasks on Workers and returns the results in order.
 * @throws what computing the first task that fails throws; Interrupted; an Error naming a Worker that ended by itself.
 */
export async function runJobs<Setup, Task, Result>(
  job: Job<Setup, Task, Result>,
  setup: Setup,
  tasks: readonly Task[],
  { onResult, onPart, ...options }: PoolOptions & Partial<TaskWatcher<Result>>,
): Promise<Result[]> {
  const results = new Array<Result>(tasks.length);
  const pool = new JobPool(job, setup, options);
  try {
    await pool.run(tasks.length, (index) => tasks[index], {
      onResult(result, index) {
        results[index] = result;
        onResult?.(result, index);
      },
      onPart,
    });
    return results;
  } finally {
    await pool.close();
  }
}

/** Threads that are set up for one kind of work, for tasks that come in several lots. */
export class JobPool<Setup, Task, Result> {
  readonly #workers: JobWorker<Task, Result>[] = [];
  #threads: number;
  #inline: Compute<Task, Result> | undefined;
  #isClosed = false;

  constructor(
    private readonly job: Job<Setup, Task, Result>,
    private readonly setup: Setup,
    private readonly options: PoolOptions,
  ) {
    this.#threads = options.threads;
  }

  /**
   * Computes `count` tasks, each made when its turn comes.
   * @throws as `runJobs`. Tasks before the first that fails have been computed then, some behind it perhaps too.
   */
  async run(count: number, taskAt: (index: number) => Task, watcher: TaskWatcher<Result>): Promise<void> {
    const threads = Math.min(this.#threads, count);
    const isShared = threads > 1 || this.#workers.length > 0;
    const hasWorkers = isShared && await this.#unlessInterrupted(this.#start(threads));
    if (!hasWorkers) return await this.#runInline(count, taskAt, watcher);
    let next = 0;
    const failures: { readonly index: number; readonly error: unknown }[] = [];
    const serve = async (worker: JobWorker<Task, Result>): Promise<void> => {
      while (next < count && failures.length === 0) {
        const index = next++;
        try {
          const result = await worker.compute(taskAt(index), (fraction) => watcher.onPart?.(index, fraction));
          if (this.options.interruption?.signal.aborted) return; // nobody waits for it any more
          watcher.onResult(result, index);
        } catch (error) {
          failures.push({ index, error });
        }
      }
    };
    await this.#unlessInterrupted(Promise.all(this.#workers.slice(0, threads).map(serve)));
    // Tasks are given out in order, so the first that fails is the same however many threads there are.
    if (failures.length > 0) throw failures.reduce((first, each) => each.index < first.index ? each : first).error;
  }

  /** Ends all Workers, whatever they do. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endWorkers();
  }

  async #endWorkers(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  /** Has so many Workers ready; false where there can be none. @throws what `job.open` throws. */
  async #start(threads: number): Promise<boolean> {
    const missing = Array.from({ length: Math.max(0, threads - this.#workers.length) }, (_, i) => i);
    const names = missing.map((i) => `Worker ${this.#workers.length + i + 1}`);
    const started = await Promise.allSettled(
      names.map((name) => JobWorker.start(name, this.job, this.setup, this.options.module)),
    );
    for (const outcome of started) if (outcome.status === "fulfilled") this.#workers.push(outcome.value);
    if (this.#isClosed) await this.#endWorkers(); // an interruption did not wait for them
    const failure = started.find((outcome) => outcome.status === "rejected");
    if (failure === undefined) return true;
    if (!(failure.reason instanceof WorkerUnavailable)) throw failure.reason;
    await this.#endWorkers();
    this.#threads = 1;
    this.options.note(`going on in one thread: Workers could not be started: ${failure.reason.message}`);
    return false;
  }

  async #runInline(count: number, taskAt: (index: number) => Task, watcher: TaskWatcher<Result>): Promise<void> {
    const { interruption } = this.options;
    for (let index = 0; index < count; index++) {
      this.#inline ??= this.job.open(this.setup);
      const steps = this.#inline(taskAt(index));
      let step = steps.next();
      for (; !step.done; step = steps.next()) {
        watcher.onPart?.(index, step.value);
        await interruption?.check();
      }
      watcher.onResult(step.value, index);
    }
  }

  async #unlessInterrupted<T>(work: Promise<T>): Promise<T> {
    const signal = this.options.interruption?.signal;
    if (signal === undefined) return await work;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await Promise.race([work, promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
