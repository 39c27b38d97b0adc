import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type JobAnswer, type JobRequest, receivedError } from "./job_messages.ts";
import type { Job } from "./jobs/job.ts";

/** The program's main module, which serves jobs in a Worker; where all of it is bundled into one file, that file. */
const MAIN = new URL(import.meta.url.endsWith("/job_worker.ts") ? "./main.ts" : import.meta.url, import.meta.url);

/** A Worker did not come up: work has to be done without it. */
export class WorkerUnavailable extends Error {
  override readonly name = "WorkerUnavailable";
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onPart(fraction: number): void;
}

/** A Worker that does one kind of work, one task at a time. */
export class JobWorker<Task, Result> {
  #pending: Pending | undefined;
  #failure: Error | undefined;

  private constructor(private readonly name: string, private readonly worker: Worker, onReady: Pending) {
    this.#pending = onReady;
    worker.on("message", (answer: JobAnswer) => this.#receive(answer));
    worker.on("error", (error) => this.#fail(new Error(`${this.name} failed: ${String(error)}`, { cause: error })));
    worker.on("exit", (code) => this.#fail(new Error(`${this.name} ended by itself, with exit code ${code}`)));
  }

  /**
   * Starts a Worker of `module`, which calls `serveJobs`; `name` is what errors call it.
   * @throws WorkerUnavailable; what `job.open` throws.
   */
  static async start<Setup, Task, Result>(
    name: string,
    job: Job<Setup, Task, Result>,
    setup: Setup,
    module = MAIN,
  ): Promise<JobWorker<Task, Result>> {
    const started = await startWorker<Task, Result>(name, module);
    try {
      await started.#ask({ kind: "open", job: job.name, setup });
      return started;
    } catch (error) {
      await started.terminate();
      throw error;
    }
  }

  /** Resolves once the Worker has come up. */
  static launch<Task, Result>(name: string, module: URL): Promise<JobWorker<Task, Result>> {
    return new Promise((resolve, reject) => {
      const onReady: Pending = { resolve: () => resolve(started), reject, onPart() {} };
      // Without `env` Deno copies the environment, and on a terminal asks whether it may.
      const started: JobWorker<Task, Result> = new JobWorker(name, new Worker(module, { env: {} }), onReady);
    });
  }

  /** @throws what computing the task throws, and an Error naming the Worker when it ends meanwhile. */
  async compute(task: Task, onPart: (fraction: number) => void = () => {}): Promise<Result> {
    return await this.#ask({ kind: "compute", task }, onPart) as Result; // answers are as the job that was opened says
  }

  /** Ends it at once, whatever it does. */
  async terminate(): Promise<void> {
    this.worker.removeAllListeners();
    await this.worker.terminate();
  }

  #ask(request: JobRequest, onPart: (fraction: number) => void = () => {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#pending = { resolve, reject, onPart };
      this.worker.postMessage(request);
    });
  }

  #receive(answer: JobAnswer): void {
    const pending = this.#pending!;
    if (answer.kind === "part") return pending.onPart(answer.fraction);
    this.#pending = undefined;
    if (answer.kind === "failed") pending.reject(receivedError(answer.error, this.name));
    else pending.resolve(answer.kind === "done" ? answer.result : undefined);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pending?.reject(this.#failure);
    this.#pending = undefined;
  }
}

async function startWorker<Task, Result>(name: string, module: URL): Promise<JobWorker<Task, Result>> {
  try {
    const path = fileURLToPath(module);
    // Asked for beforehand: a Worker that may not be read would itself say so on standard error.
    const { state } = Deno.permissions.querySync({ name: "read", path });
    if (state !== "granted") throw new WorkerUnavailable(`the program may not read its own file ${path}`);
    return await JobWorker.launch(name, module);
  } catch (error) {
    if (error instanceof WorkerUnavailable) throw error;
    throw new WorkerUnavailable(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
