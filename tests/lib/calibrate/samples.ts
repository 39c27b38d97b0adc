import { StatisticsCollector } from "../../../lib/calibrate/statistics.ts";
import type { TensorStatistics } from "../../../lib/format/tensor_statistics.ts";
import { type Random, seededRandom } from "../../../lib/tensor/random.ts";

/** Distributions that activations have, each a function of a random stream. */
export const DISTRIBUTIONS: Readonly<Record<string, (random: Random) => number>> = {
  gaussian: (random) => random.normal(),
  laplace,
  relu: (random) => Math.max(0, random.normal()),
  negative: (random) => -1 - random.uniform(),
  swish(random) {
    const x = 2 * random.normal();
    return x / (1 + Math.exp(-x));
  },
  outliers: (random) => random.normal() * (random.uniform() < 1e-4 ? 30 : 1),
};

function laplace(random: Random): number {
  const magnitude = -Math.log(1 - random.uniform());
  return random.uniform() < 0.5 ? -magnitude : magnitude;
}

export function draw(distribution: (random: Random) => number, length: number, seed = 1): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => distribution(random));
}

/** Statistics of samples given one by one, sample i first + i. */
export function statisticsOf(samples: readonly ArrayLike<number>[], first = 0): TensorStatistics {
  const collector = new StatisticsCollector("x");
  samples.forEach((values, i) => collector.observe(Float32Array.from(values), first + i));
  return collector.statistics();
}
