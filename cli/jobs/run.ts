import { type CompiledRunner, createRunner, type RunnerOutput, type RunnerSource } from "../runner.ts";
import { type SampleChunk, sourceOf } from "../sample_chunks.ts";
import type { Compute, Job } from "./job.ts";

/** The outputs of a network, one for each sample of a chunk. */
export const runJob: Job<RunnerSource, SampleChunk, RunnerOutput[]> = {
  name: "run",
  /** @throws DyadError (input), then or when it computes, for networks, samples and outputs that are refused. */
  open: (source) => chunkRunner(createRunner(source).compile()),
};

export function chunkRunner(runner: CompiledRunner): Compute<SampleChunk, RunnerOutput[]> {
  return function* (chunk) {
    const samples = sourceOf(chunk);
    const outputs: RunnerOutput[] = [];
    for (const i of chunk.samples.keys()) {
      outputs.push(runner.run(runner.prepare(samples, chunk.first + i)));
      yield (i + 1) / chunk.samples.length;
    }
    return outputs;
  };
}
