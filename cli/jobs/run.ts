import { type CompiledRunner, createRunner, type RunnerSource } from "../runner.ts";
import { awaitSample, giveOutput, queuedSamples, type SampleQueue } from "../sample_queue.ts";
import type { Job } from "./job.ts";

export interface RunSetup {
  readonly source: RunnerSource;
  readonly queue: SampleQueue;
}

/** Computes samples of a queue until it is closed. */
export const runJob: Job<RunSetup, null, null> = {
  name: "run",
  /** @throws DyadError (input) for networks that are refused. */
  open({ source, queue }) {
    const compute = queueComputer(createRunner(source).compile(), queue);
    return function* () {
      for (let sample = awaitSample(queue); sample !== undefined; sample = awaitSample(queue)) {
        compute(sample);
        yield 0; // of how many is not known
      }
      return null;
    };
  },
};

/** What computes a claimed sample of a queue. It is refused if computing it throws, which whoever collects it finds out. */
export function queueComputer(runner: CompiledRunner, queue: SampleQueue): (sample: number) => void {
  const samples = queuedSamples(queue);
  return (sample) => {
    let output;
    try {
      output = runner.run(runner.prepare(samples, sample));
    } catch {
      output = undefined;
    }
    giveOutput(queue, sample, output);
  };
}
