import type { Dataset } from "../lib/format/dataset.ts";
import type { OnProgress } from "./progress.ts";
import { ImageRunner } from "./image_runner.ts";
import type { CompiledRunner, Runner, RunnerOutput } from "./runner.ts";
import { worthwhileThreads } from "./sample_chunks.ts";
import { SampleTeam } from "./sample_team.ts";
import { summarizeTimes, type Timing, warmUp } from "./timing.ts";

/** Samples that are timed: enough for a median and its spread, and no more time than that takes. */
export const TIMED_SAMPLES = 1000;
export const TIMED_SECONDS = 10;

interface Trial {
  /** At most. */
  readonly samples: number;
  /** After which no other sample begins. */
  readonly seconds: number;
}

const TIMED: Trial = { samples: TIMED_SAMPLES, seconds: TIMED_SECONDS };
/** Says what the other samples will take. */
const TRIED: Trial = { samples: 64, seconds: 0.2 };

export interface RunSurroundings {
  /** Default: one for each sample, and as many as are worth it, at most one for each processor. */
  readonly threads?: number;
  /** Times samples as well, one by one, before several are run at a time. */
  readonly isTimed: boolean;
  readonly onProgress: OnProgress;
  /** Given the output of every sample, in their order. */
  onOutput(output: RunnerOutput, index: number): void;
  note(text: string): void;
}

export interface ImageTiming extends Timing {
  /** That computed each image together. */
  readonly threads: number;
}

/**
 * Runs a network on every sample of a dataset, on several threads: each on one of them, or, of networks that carry states,
 * where there are fewer samples than threads, and while they are timed, each on all threads. Gives their times when asked
 * for. No output is kept.
 * @throws DyadError (input) for a network, a sample or an output that is refused, of several the first.
 */
export async function runSamples(
  runner: Runner,
  dataset: Dataset,
  { threads: asked, isTimed, onProgress, onOutput, note }: RunSurroundings,
): Promise<ImageTiming | undefined> {
  const { count } = dataset;
  const areFew = asked !== undefined && count < asked;
  const images = await ImageRunner.open(runner, {
    threads: isTimed || runner.carriesStates || areFew ? asked : 1,
    note,
  });
  try {
    const isOneByOne = runner.carriesStates || areFew && images.threads > 1;
    const threads = isOneByOne ? 1 : asked;
    const first = isTimed || threads === undefined
      ? runHere(images.compile(), dataset, isTimed ? TIMED : TRIED, { isWarm: isTimed, onProgress, onOutput })
      : undefined;
    const times = isTimed ? { ...summarizeTimes(first!.milliseconds), threads: images.threads } : undefined;
    const done = first?.milliseconds.length ?? 0;
    let next = done;
    const shared = threads ?? worthwhileThreads(first!.meanMs * (count - done));
    if (!isOneByOne) await images.close();
    const team = new SampleTeam(runner, dataset, {
      threads: Math.max(1, Math.min(shared, count - done)),
      compile: () => images.compile(),
      note,
    });
    try {
      await team.run({ first: done, end: count }, {
        onOutput: (output) => onOutput(output, next++),
        onProgress: (more) => onProgress(done + more, count),
      });
    } finally {
      await team.close();
    }
    return times;
  } finally {
    await images.close();
  }
}

interface FirstSamples {
  /** Of each, reading and normalising not counted. */
  readonly milliseconds: number[];
  /** Of one, everything counted. */
  readonly meanMs: number;
}

/** Runs the first samples in this thread, as many as a trial allows. */
function runHere(
  runner: CompiledRunner,
  dataset: Dataset,
  trial: Trial,
  { isWarm, onProgress, onOutput }: { readonly isWarm: boolean } & Pick<RunSurroundings, "onProgress" | "onOutput">,
): FirstSamples {
  if (isWarm) {
    const input = runner.prepare(dataset, 0);
    warmUp(() => runner.run(input));
    runner.reset();
  }
  const milliseconds: number[] = [];
  const samples = Math.min(dataset.count, trial.samples);
  const begin = performance.now();
  let end = begin;
  for (let i = 0; i < samples && (i === 0 || end - begin < 1000 * trial.seconds); i++) {
    const input = runner.prepare(dataset, i);
    const start = performance.now();
    const output = runner.run(input);
    end = performance.now();
    milliseconds.push(end - start);
    onOutput(output, i);
    onProgress(i + 1, dataset.count);
  }
  return { milliseconds, meanMs: (end - begin) / milliseconds.length };
}
