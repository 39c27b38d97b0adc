import { ImageRunner } from "../../cli/image_runner.ts";
import { createRunner } from "../../cli/runner.ts";
import { SampleTeam } from "../../cli/sample_team.ts";
import type { PixelDataset } from "../../lib/format/dataset.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { benchBackends } from "./contestants.ts";
import { type Contestant, interleave, localContestant, type Sampling, type Times } from "./interleave.ts";
import { integerInput, integerNetwork, type PreparedNetwork } from "./networks.ts";
import { benchPixels } from "./onnxruntime/bench_input.ts";

const IMAGES = 64;
/** Until V8 has fast code for all threads: it compiles on processors that they wait for. */
const WARM_UP_MS = 5000;

/** The same images on one thread and on two. */
export interface ThreadTimes {
  readonly work: string;
  readonly images: number;
  readonly backend: Backend;
  readonly one: Times;
  readonly two: Times;
}

/** Times single images, each computed by two threads together, against one thread, once both are warm. */
export async function compareImageThreads(
  work: string,
  prepared: PreparedNetwork,
  backend: Backend,
  sampling: Sampling,
): Promise<ThreadTimes> {
  const network = integerNetwork(prepared);
  const input = integerInput(network);
  const runner = createRunner({ kind: "integer", name: work, network, backend });
  const options = { note: (text: string) => console.error(text) };
  const teams = await Promise.all([1, 2].map((threads) => ImageRunner.open(runner, { ...options, threads })));
  try {
    const contestants = teams.map((team, i) => {
      const compiled = team.compile();
      const end = performance.now() + WARM_UP_MS;
      while (performance.now() < end) compiled.run(input);
      return localContestant(`${i + 1}`, () => compiled.run(input));
    });
    const times = await interleave(contestants, sampling);
    return { work, images: 1, backend, one: times.get("1")!, two: times.get("2")! };
  } finally {
    for (const team of teams) await team.close();
  }
}

/**
 * Times what `run --threads 2` does against `--threads 1`, on the fastest backend; both without what starts the threads.
 * Each batch ends before the next begins.
 */
export async function compareThreads(
  work: string,
  prepared: PreparedNetwork,
  sampling: Sampling,
): Promise<ThreadTimes> {
  const network = integerNetwork(prepared);
  const [backend] = benchBackends();
  const runner = createRunner({ kind: "integer", name: work, network, backend });
  const { preprocess } = runner;
  if (preprocess === undefined) throw new Error(`${work} takes no pixels`);
  const pixels = benchPixels(sizeOf(network.input.shape));
  const dataset: PixelDataset = {
    kind: "pixels",
    name: work,
    count: IMAGES,
    sampleShape: runner.sampleShape,
    preprocess,
    sha256: "",
    notes: [],
    sample: () => pixels,
  };
  const compiled = runner.compile();
  const options = { compile: () => compiled, note: (text: string) => console.error(text) };
  const teams = [1, 2].map((threads) => new SampleTeam(runner, dataset, { ...options, threads }));
  try {
    for (const team of teams) await team.ready();
    const contestants = teams.map((team, i): Contestant => ({
      name: `${i + 1}`,
      async run(runs) {
        const start = performance.now();
        for (let i = 0; i < runs; i++) await team.run({ first: 0, end: IMAGES }, { onOutput() {} });
        return performance.now() - start;
      },
    }));
    const times = await interleave(contestants, sampling);
    return { work, images: IMAGES, backend, one: times.get("1")!, two: times.get("2")! };
  } finally {
    for (const team of teams) await team.close();
  }
}
