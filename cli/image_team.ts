import type { SplitRun } from "../lib/runtime/split_run.ts";
import { JobWorker, WorkerUnavailable } from "./job_worker.ts";
import { assistJob } from "./jobs/assist.ts";

export interface ImageTeamOptions {
  /** The module that serves `assistJob` in a Worker. Default: the program itself. */
  readonly module?: URL;
  /** How long a run waits for a Worker before it gives up. Default: longer than any step takes. */
  readonly patienceMs?: number;
  /** Told what a user should know: that there are no Workers after all. */
  note(text: string): void;
}

/** Workers that compute parts of every image, next to the thread that runs the network. */
export class ImageTeam implements AsyncDisposable {
  #failure: { readonly error: unknown } | undefined;

  private constructor(
    private readonly split: SplitRun,
    private readonly workers: readonly JobWorker<null, null>[],
    patienceMs: number | undefined,
  ) {
    for (const worker of workers) worker.compute(null).catch((error) => this.#failure ??= { error });
    split.start(patienceMs);
  }

  /** Resolves once all Workers have come up; undefined where they cannot, and one thread does the work. */
  static async start(split: SplitRun, { module, patienceMs, note }: ImageTeamOptions): Promise<ImageTeam | undefined> {
    const started = await Promise.allSettled(
      split.parts.map((part) =>
        JobWorker.start<typeof part, null, null>(`Worker ${part.thread}`, assistJob, part, module)
      ),
    );
    const workers = started.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []);
    const failure = started.find((outcome) => outcome.status === "rejected");
    if (failure === undefined) return new ImageTeam(split, workers, patienceMs);
    await Promise.all(workers.map((worker) => worker.terminate()));
    if (!(failure.reason instanceof WorkerUnavailable)) throw failure.reason;
    note(`going on in one thread: Workers could not be started: ${failure.reason.message}`);
    return undefined;
  }

  /** @throws what ended a Worker, if one has. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends all Workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.split.end();
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
