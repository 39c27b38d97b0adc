import { runJob } from "../../cli/jobs/run.ts";
import type { SampleChunk } from "../../cli/sample_chunks.ts";
import type { RunnerSource } from "../../cli/runner.ts";
import { JobPool } from "../../cli/workers.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { benchBackends } from "./contestants.ts";
import { type Contestant, interleave, type Sampling, type Times } from "./interleave.ts";
import { integerNetwork, type PreparedNetwork } from "./networks.ts";
import { benchPixels } from "./onnxruntime/bench_input.ts";

const IMAGES = 64;

/** A batch of 64 images on so many threads. */
export interface ThreadTimes {
  readonly work: string;
  readonly one: Times;
  readonly two: Times;
}

/** Times `run --threads 2` against `--threads 1`, on the fastest backend; both without what starts the threads. */
export async function compareThreads(
  work: string,
  prepared: PreparedNetwork,
  sampling: Sampling,
): Promise<ThreadTimes> {
  const network = integerNetwork(prepared);
  const [backend] = benchBackends();
  const source: RunnerSource = { kind: "integer", name: work, network, backend };
  const pixels = benchPixels(sizeOf(network.input.shape));
  const { preprocess } = network.input;
  if (preprocess === undefined) throw new Error(`${work} takes no pixels`);
  const pools: JobPool<RunnerSource, SampleChunk, unknown>[] = [];
  try {
    const contestants = [1, 2].map((threads): Contestant => {
      const pool = new JobPool(runJob, source, { threads, note: (text) => console.error(text) });
      pools.push(pool);
      const samples = new Array<Uint8Array>(IMAGES / threads).fill(pixels);
      const taskAt = (index: number): SampleChunk => ({
        kind: "pixels",
        name: work,
        preprocess,
        first: index * samples.length,
        samples,
      });
      return {
        name: `${threads}`,
        async run(runs) {
          const start = performance.now();
          for (let i = 0; i < runs; i++) await pool.run(threads, taskAt, { onResult() {} });
          return performance.now() - start;
        },
      };
    });
    const times = await interleave(contestants, sampling);
    return { work, one: times.get("1")!, two: times.get("2")! };
  } finally {
    for (const pool of pools) await pool.close();
  }
}
