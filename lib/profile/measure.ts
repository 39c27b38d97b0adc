import type { Measurement } from "../format/latency.ts";
import type { TimedNetwork } from "./timed_network.ts";

export interface MeasureOptions {
  /** Milliseconds since some time, such as `performance.now`. */
  readonly clock: () => number;
  /** Times to take of everything. Default: what fits into `BUDGET_MS`, within `ROUNDS_MIN` and `ROUNDS_MAX`. */
  readonly rounds?: number;
}

export interface MeasureProgress {
  readonly part: "warming up" | "measuring";
  readonly done: number;
  readonly total: number;
}

/** Time that the rounds may take when their number is not given. */
const BUDGET_MS = 8000;
const ROUNDS_MIN = 5;
const ROUNDS_MAX = 200;

/** V8 compiles WebAssembly a second time, for speed, once a function has been called often or has looped long. */
const WARM_UP_ROUNDS = 40;
const WARM_UP_ROUNDS_MIN = 2;
const WARM_UP_MS = 2000;

/**
 * Times what `wanted` names: units of the networks, and whole networks, by key. Every round runs all networks in turn, so
 * that drift of the machine meets all alike: each once to bring its data into the caches, once as a whole and once with
 * the clock read between its units, these two in turns first. A round's time of a unit is the mean over the places where
 * it occurs, less the time of reading the clock; the median over the rounds is the measurement. Networks that
 * take their time apart themselves do that instead. Networks none of whose
 * keys are still wanted do not run.
 * @returns what was measured, in the order of `wanted`
 */
export function* measure(
  networks: readonly TimedNetwork[],
  wanted: readonly string[],
  { clock, rounds: asked }: MeasureOptions,
): Generator<MeasureProgress, Measurement[]> {
  const runners = runnersFor(networks, wanted, clock);
  if (runners.length === 0) return [];
  const start = clock();
  for (let done = 0; done < WARM_UP_ROUNDS; done++) {
    if (done >= WARM_UP_ROUNDS_MIN && clock() - start > WARM_UP_MS) break;
    yield { part: "warming up", done, total: WARM_UP_ROUNDS };
    runners.forEach((runner) => runner.round(done));
  }
  const readingMs = clockReading(clock);
  const before = clock();
  runners.forEach((runner) => runner.round(0));
  const fitting = Math.floor(BUDGET_MS / (clock() - before));
  const rounds = asked ?? Math.max(ROUNDS_MIN, Math.min(ROUNDS_MAX, fitting));

  const times = new Map(wanted.map((key) => [key, [] as number[]]));
  for (let done = 0; done < rounds; done++) {
    yield { part: "measuring", done, total: rounds };
    const sums = new Map<string, { ms: number; places: number }>();
    for (const runner of runners) {
      runner.round(done);
      for (const { key, ms, isOwn } of runner.times()) {
        const sum = sums.get(key) ?? { ms: 0, places: 0 };
        sums.set(key, { ms: sum.ms + (isOwn ? ms : Math.max(0, ms - readingMs)), places: sum.places + 1 });
      }
    }
    for (const [key, { ms, places }] of sums) times.get(key)?.push(ms / places);
  }
  return Array.from(times, ([key, found]) => summarize(key, found));
}

interface Runner {
  /** Runs the network; whole and timed change places in odd rounds. */
  round(index: number): void;
  /** Of the last round; `isOwn` where the network itself timed it, without the clock's reading in it. */
  times(): { readonly key: string; readonly ms: number; readonly isOwn?: boolean }[];
}

/** What has to run: whole networks that are wanted, and units in the first networks that hold them. */
function runnersFor(networks: readonly TimedNetwork[], wanted: readonly string[], clock: () => number): Runner[] {
  const open = new Set(wanted);
  return networks.flatMap((network) => {
    const isWhole = open.delete(network.key);
    const found = network.units.filter((key) => open.has(key));
    for (const key of found) open.delete(key);
    return isWhole || found.length > 0 ? [runnerOf(network, isWhole, found.length > 0, clock)] : [];
  });
}

function runnerOf(network: TimedNetwork, isWhole: boolean, isTimed: boolean, clock: () => number): Runner {
  const marks = new Float64Array(network.units.length + 1);
  let next = 0;
  let own: readonly number[] | undefined;
  let wholeMs = 0;
  const mark = (): void => {
    marks[next++] = clock();
  };
  const runWhole = (): void => {
    const start = clock();
    network.run();
    wholeMs = clock() - start;
  };
  const runTimed = (): void => {
    own = network.time?.(clock);
    if (own !== undefined) return;
    next = 0;
    mark();
    network.run(mark);
  };
  const work = [...isWhole ? [runWhole] : [], ...isTimed ? [runTimed] : []];
  return {
    round(index) {
      network.run();
      for (const run of index % 2 === 0 ? work : work.toReversed()) run();
    },
    times: () => [
      ...isWhole ? [{ key: network.key, ms: wholeMs }] : [],
      ...isTimed
        ? network.units.map((key, i) => ({ key, ms: own?.[i] ?? marks[i + 1] - marks[i], isOwn: own !== undefined }))
        : [],
    ],
  };
}

const READING_BATCHES = 100;
const READINGS = 100;

/** What reading the clock takes: the least mean over a batch of readings, which nothing has interrupted. */
function clockReading(clock: () => number): number {
  let least = Infinity;
  for (let batch = 0; batch < READING_BATCHES; batch++) {
    const start = clock();
    for (let i = 1; i < READINGS; i++) clock();
    least = Math.min(least, (clock() - start) / READINGS);
  }
  return least;
}

function summarize(key: string, times: readonly number[]): Measurement {
  const sorted = Float64Array.from(times).sort();
  const quantile = (fraction: number): number => {
    const position = fraction * (sorted.length - 1);
    const below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return roundToNanoseconds(sorted[below] + (position - below) * (sorted[above] - sorted[below]));
  };
  return { key, ms: quantile(0.5), quartiles: [quantile(0.25), quantile(0.75)], rounds: times.length };
}

/** Milliseconds with no digits beyond the nanosecond, which no clock here has. */
export function roundToNanoseconds(ms: number): number {
  return Math.round(ms * 1e6) / 1e6;
}
