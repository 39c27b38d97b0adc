/** Milliseconds of one image, taken apart. */
export interface StepTimes {
  /** Loading the input, and calling the code at all. */
  readonly input: number;
  /** By position in the engine's schedule; 0 where no integer moves. */
  readonly steps: readonly number[];
  /** Reading the output. */
  readonly output: number;
}

/** Milliseconds since some time, such as `performance.now`. */
export type Clock = () => number;

/** Runs an image and takes its time apart. */
export type ImageTimer = (input: ArrayLike<number>, clock: Clock) => StepTimes;

/** The parts of a run whose steps are one call, which gives the processor's time stamps around each piece of work. */
export interface StampedRun {
  load(input: ArrayLike<number>): void;
  run(): BigUint64Array;
  read(): unknown;
}

/** Below this time apart, two readings of the clock say too little about the rate of stamps. */
const SPAN_MS = 2;

/**
 * Times steps of `works` pieces of work each. The rate of stamps is that between the first run and this one, or within the
 * call as long as that was only just. All parts together are what the clock says of the whole run.
 */
export function stepTimer({ load, run, read }: StampedRun, works: readonly number[]): ImageTimer {
  let first: { readonly ms: number; readonly stamp: bigint } | undefined;
  return (input, clock) => {
    const start = clock();
    load(input);
    const called = clock();
    const stamps = run();
    const returned = clock();
    read();
    const end = clock();
    const last = stamps[stamps.length - 1];
    first ??= { ms: returned, stamp: last };
    const isLong = returned - first.ms >= SPAN_MS;
    const span = Number(isLong ? last - first.stamp : last - stamps[0]);
    const msOfStamp = span === 0 ? 0 : (isLong ? returned - first.ms : returned - called) / span;
    let from = 0;
    const steps = works.map((count) => {
      const [begin, finish] = [stamps[from], stamps[from += count]];
      return Number(finish - begin) * msOfStamp;
    });
    const inside = steps.reduce((sum, ms) => sum + ms, 0);
    return { input: called - start + Math.max(0, returned - called - inside), steps, output: end - returned };
  };
}
