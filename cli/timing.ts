/** Times of single images, in milliseconds. */
export interface Timing {
  readonly images: number;
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
}

/** Median and spread of at least one time; between two times by straight line. */
export function summarizeTimes(milliseconds: readonly number[]): Timing {
  const sorted = Float64Array.from(milliseconds).sort();
  const quantile = (fraction: number): number => {
    const position = fraction * (sorted.length - 1);
    const below = Math.floor(position);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  };
  return { images: sorted.length, medianMs: quantile(0.5), p10Ms: quantile(0.1), p90Ms: quantile(0.9) };
}

const WARM_UP_RUNS = 20;
const WARM_UP_MS = 500;

/** Runs until the machine code has settled: compilers of WebAssembly improve hot code after some calls. */
export function warmUp(run: () => void): void {
  const end = performance.now() + WARM_UP_MS;
  for (let i = 0; i < WARM_UP_RUNS && (i === 0 || performance.now() < end); i++) run();
}
