/**
 * Dyadic number: a real ratio s > 0 written as s = b / 2^c, so that multiplying by it is an integer multiplication and
 * a shift (HAWQ-V3, arXiv 2011.10680, section 3). `multiplier` b is in [2^30, 2^31), `shift` c in [0, 62].
 */
export interface Dyadic {
  readonly multiplier: number;
  readonly shift: number;
}

const MULTIPLIER_MIN = 2 ** 30;
export const MULTIPLIER_END = 2 ** 31;
export const SHIFT_MAX = 62;

/**
 * The dyadic number nearest to `ratio`, to within 2^-31 relative.
 * @throws RangeError for a ratio that is not finite, not positive, or outside [2^-32, 2^31).
 */
export function dyadicFromRatio(ratio: number): Dyadic {
  if (!(ratio > 0) || !Number.isFinite(ratio)) throw new RangeError(`no dyadic number for the ratio ${ratio}`);
  let shift = 30 - Math.floor(Math.log2(ratio));
  let multiplier = Math.round(ratio * 2 ** shift);
  if (multiplier >= MULTIPLIER_END) multiplier = Math.round(ratio * 2 ** --shift);
  else if (multiplier < MULTIPLIER_MIN) multiplier = Math.round(ratio * 2 ** ++shift);
  if (multiplier === MULTIPLIER_END) { // a ratio just under a power of two rounds up to it
    multiplier = MULTIPLIER_MIN;
    shift--;
  }
  if (shift < 0 || shift > SHIFT_MAX) {
    throw new RangeError(`the ratio ${ratio} is outside the dyadic range [2^-32, 2^31)`);
  }
  return { multiplier, shift };
}

/**
 * Dyadic numbers of several ratios with one common shift, for sums of rescaled integers:
 * ratio_i = multiplier_i / 2^shift. The largest ratio gets a multiplier in [2^30, 2^31), the others are as exact as
 * that shift allows (an absolute error of 2^-(shift+1)).
 * @throws RangeError as `dyadicFromRatio` for the largest, and for a ratio that is negative.
 */
export function dyadicsWithCommonShift(ratios: readonly number[]): { multipliers: number[]; shift: number } {
  const { shift } = dyadicFromRatio(ratios.reduce((a, b) => Math.max(a, b), 0));
  const multipliers = ratios.map((ratio) => {
    if (!(ratio >= 0)) throw new RangeError(`no dyadic number for the ratio ${ratio}`);
    return Math.min(Math.round(ratio * 2 ** shift), MULTIPLIER_END - 1);
  });
  return { multipliers, shift };
}
