import { setTimeout } from "node:timers/promises";
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

/** How long a Worker that has failed may take to say so. */
const TURN_MS = 50;

/** Workers that compute parts of every image, next to the thread that runs the network. */
export class ImageTeam {
  /** Rejects when one fails. */
  readonly #works: Promise<unknown>;

  private constructor(
    private readonly split: SplitRun,
    private readonly workers: readonly JobWorker<null, null>[],
    patienceMs: number | undefined,
  ) {
    this.#works = Promise.all(workers.map((worker) => worker.compute(null)));
    this.#works.catch(() => {}); // until `close` asks
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

  /** Ends all Workers. @throws what has ended one, if a run has failed by that. */
  async close(): Promise<void> {
    const { hasFailed } = this.split;
    this.split.end();
    try {
      if (hasFailed) await Promise.race([this.#works, setTimeout(TURN_MS)]);
    } finally {
      await Promise.all(this.workers.map((worker) => worker.terminate()));
    }
  }
}
