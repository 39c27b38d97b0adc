import { type MessagePort, parentPort } from "node:worker_threads";
import { type JobAnswer, type JobRequest, sendableError } from "./job_messages.ts";
import type { AnyJob, Compute } from "./jobs/job.ts";

/** How often progress is told at most. */
const PART_MS = 100;

/** The main thread, where this one is a Worker. */
export const jobPort: MessagePort | null = parentPort;

/** Answers requests for work of these kinds until the Worker is ended. */
export function serveJobs(port: MessagePort, jobs: readonly AnyJob[]): void {
  const answer = (message: JobAnswer): void => port.postMessage(message);
  let compute: Compute<unknown, unknown> | undefined;
  port.on("message", (request: JobRequest) => {
    try {
      if (request.kind === "open") {
        const job = jobs.find(({ name }) => name === request.job)!;
        compute = job.open(request.setup as never) as Compute<unknown, unknown>; // sent by the code that knows its types
        answer({ kind: "done" });
      } else {
        answer({ kind: "done", result: run(compute!(request.task), answer) });
      }
    } catch (error) {
      answer({ kind: "failed", error: sendableError(error) });
    }
  });
  answer({ kind: "ready" });
}

function run(steps: Generator<number, unknown>, answer: (message: JobAnswer) => void): unknown {
  let told = performance.now();
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    if (performance.now() - told < PART_MS) continue;
    told = performance.now();
    answer({ kind: "part", fraction: step.value });
  }
  return step.value;
}
