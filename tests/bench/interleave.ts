/** Work that is timed against other work: so many runs of it take so many milliseconds. */
export interface Contestant {
  readonly name: string;
  run(runs: number): number | Promise<number>;
}

export interface Sampling {
  /** Samples of each contestant, at most and, where they take longer than the budget, at least. */
  readonly samples: readonly [most: number, least: number];
  /** Time that the samples of all contestants together may take. */
  readonly budgetMs: number;
  /** Least time of a sample: short work runs several times. */
  readonly sampleMs: number;
  /** Least time that each runs before it is timed: compilers and caches settle. */
  readonly warmUpMs: number;
}

/** Milliseconds of one run. */
export interface Times {
  readonly median: number;
  /** First and last tenth of the samples. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** Times contestants in turn, sample by sample, so that drift of the machine meets all alike. */
export async function interleave(contestants: readonly Contestant[], options: Sampling): Promise<Map<string, Times>> {
  const { samples: [most, least], budgetMs } = options;
  const entries: { readonly contestant: Contestant; readonly runs: number; readonly times: number[] }[] = [];
  let roundMs = 0;
  for (const contestant of contestants) {
    const { runs, ms } = await warmUp(contestant, options);
    roundMs += runs * ms;
    entries.push({ contestant, runs, times: [] });
  }
  const samples = Math.min(most, Math.max(least, Math.floor(budgetMs / roundMs)));
  for (let sample = 0; sample < samples; sample++) {
    for (const { contestant, runs, times } of sample % 2 === 0 ? entries : entries.toReversed()) {
      times.push(await contestant.run(runs) / runs);
    }
  }
  return new Map(entries.map(({ contestant: { name }, times }) => [name, summarize(times)]));
}

/** Work of this thread as a contestant. */
export function localContestant(name: string, work: () => void): Contestant {
  return {
    name,
    run(runs) {
      const start = performance.now();
      for (let i = 0; i < runs; i++) work();
      return performance.now() - start;
    },
  };
}

/** Runs it for a while: how many runs make a sample, and what one takes. */
async function warmUp(
  contestant: Contestant,
  { sampleMs, warmUpMs }: Sampling,
): Promise<{ readonly runs: number; readonly ms: number }> {
  let runs = 1;
  let last = await contestant.run(runs);
  for (let total = last; total < warmUpMs; total += last) {
    if (last < sampleMs) runs *= 2;
    last = await contestant.run(runs);
  }
  const ms = last / runs;
  return { runs: Math.max(1, Math.ceil(sampleMs / ms)), ms };
}

function summarize(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.round(quantile * (sorted.length - 1))];
  return { median: at(0.5), low: at(0.1), high: at(0.9), samples: sorted.length };
}
