import type { Range } from "../../arith/quantization.ts";
import { type Distribution, distributionOf } from "../distribution.ts";
import { expectedSquaredError } from "../expected_error.ts";
import { includingZero, quantizationOf } from "../range.ts";
import type { Observer, RangeTarget } from "../observer.ts";

export const mse: Observer = {
  name: "mse",
  description: "the range with the least expected squared error of quantizing the values at the given bits",
  options: [],
  settings: [{}],
  range(statistics, target) {
    const distribution = distributionOf(statistics);
    const widest = includingZero(distribution.min, distribution.max);
    return refine(distribution, target, coarseBest(distribution, target, widest), widest);
  },
};

interface Candidate {
  readonly range: Range;
  readonly error: number;
}

const COARSE_STEPS_PER_OCTAVE = 8;
const COARSE_OCTAVES = 12;

/**
 * Clips from the widest range down by equal ratios: both ends by the same ratio, both at the same magnitude, and one end
 * alone with the other at 0.
 */
function coarseBest(distribution: Distribution, target: RangeTarget, widest: Range): Candidate {
  let best = evaluate(distribution, target, widest);
  for (let step = 1; step <= COARSE_STEPS_PER_OCTAVE * COARSE_OCTAVES; step++) {
    const ratio = 2 ** (-step / COARSE_STEPS_PER_OCTAVE);
    best = better(best, evaluate(distribution, target, { min: widest.min * ratio, max: widest.max * ratio }));
  }
  if (target.symmetric || widest.min === 0 || widest.max === 0) return best;
  const bound = Math.max(-widest.min, widest.max);
  for (let step = 0; step <= COARSE_STEPS_PER_OCTAVE * COARSE_OCTAVES; step++) {
    const clip = bound * 2 ** (-step / COARSE_STEPS_PER_OCTAVE);
    const [min, max] = [Math.max(widest.min, -clip), Math.min(widest.max, clip)];
    for (const range of [{ min, max }, { min, max: 0 }, { min: 0, max }]) {
      best = better(best, evaluate(distribution, target, range));
    }
  }
  return best;
}

const FINEST_STEP = 1 / 64; // of an octave

/** Compass search from `start` over the logarithms of both ends, never beyond `widest`. */
function refine(distribution: Distribution, target: RangeTarget, start: Candidate, widest: Range): Range {
  let best = start;
  for (let step = 1 / 4; step >= FINEST_STEP;) {
    const [narrower, wider] = [2 ** -step, 2 ** step];
    const { min, max } = best.range;
    const moved = [[narrower, narrower], [wider, wider]];
    if (!target.symmetric && min < 0 && max > 0) {
      moved.push([narrower, 1], [wider, 1], [1, narrower], [1, wider], [narrower, wider], [wider, narrower]);
    }
    const next = moved.map(([low, high]) =>
      evaluate(distribution, target, { min: Math.max(min * low, widest.min), max: Math.min(max * high, widest.max) })
    ).reduce(better, best);
    if (next === best) step /= 2;
    best = next;
  }
  return best.range;
}

function evaluate(distribution: Distribution, target: RangeTarget, range: Range): Candidate {
  return { range, error: expectedSquaredError(distribution, quantizationOf(range, target)) };
}

/** The candidate of smaller error; the first on a tie. */
function better(a: Candidate, b: Candidate): Candidate {
  return b.error < a.error ? b : a;
}
