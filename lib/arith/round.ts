/**
 * Rounding of dyadic products. One rule everywhere: round half up, once (DESIGN section 4).
 *
 *     rescaleRoundHalfUp(v, b, c) = (v * b + 2^(c-1)) >> c        no rounding constant when c = 0
 *
 * product and sum exact, >> arithmetic (floor). `rescaleRoundHalfUpExact` is the definition, in unbounded integers.
 * `rescaleRoundHalfUp` gives the same bits from float64 without BigInt and is what the scalar reference loops call.
 */
export function rescaleRoundHalfUpExact(value: bigint, multiplier: bigint, shift: bigint): bigint {
  return shift === 0n ? value * multiplier : (value * multiplier + (1n << (shift - 1n))) >> shift;
}

const LIMB = 2 ** 24;

/**
 * The same for an int32 `value`, `multiplier` in [0, 2^31) and `shift` in [0, 62]; the result is a float64 integer, exact
 * while it stays under 2^53, and otherwise beyond every clamp of 32 bits on the right side.
 *
 * The product is split as hi * 2^24 + lo with 0 <= lo < 2^24, both exact in float64; the rounding constant is added to
 * the limb that holds it, and floor(x / 2^c) of the two limbs is exact because a division by a power of two is.
 */
export function rescaleRoundHalfUp(value: number, multiplier: number, shift: number): number {
  const multiplierHigh = Math.floor(multiplier / LIMB);
  const lowProduct = value * (multiplier - multiplierHigh * LIMB); // |.| < 2^55: exact only after splitting value
  if (lowProduct > -MAX_EXACT && lowProduct < MAX_EXACT) {
    return shiftLimbs(value * multiplierHigh, lowProduct, shift);
  }
  return Number(rescaleRoundHalfUpExact(BigInt(value), BigInt(multiplier), BigInt(shift)));
}

const MAX_EXACT = Number.MAX_SAFE_INTEGER;

function shiftLimbs(high: number, low: number, shift: number): number {
  const carry = Math.floor(low / LIMB);
  const upper = high + carry;
  const lower = low - carry * LIMB;
  if (shift === 0) return upper * LIMB + lower;
  if (shift <= 24) {
    const unit = 2 ** shift;
    return upper * 2 ** (24 - shift) + Math.floor((lower + unit / 2) / unit);
  }
  // The rounding constant is a multiple of 2^24, so the lower limb never reaches the result: floor drops it.
  const unit = 2 ** (shift - 24);
  return Math.floor((upper + unit / 2) / unit);
}

const HALF = 2 ** 16;

/**
 * (upper * 2^16 + lower + 2^(shift-1)) >> shift, no rounding constant for shift 0: of sums of products v * b, which need 64
 * bits, upper is the sum of v * (b >> 16) and lower that of v * (b & 0xffff). Exact while |upper| and |lower| are
 * under 2^52 and the result under 2^53; a larger result is beyond every clamp of 32 bits, on the right side.
 */
export function shiftHalvesRoundHalfUp(upper: number, lower: number, shift: number): number {
  const carry = Math.floor(lower / HALF);
  const high = upper + carry;
  const low = lower - carry * HALF; // 0 .. 2^16 - 1
  if (shift === 0) return high * HALF + low;
  if (shift <= 16) return high * 2 ** (16 - shift) + Math.floor((low + 2 ** (shift - 1)) / 2 ** shift);
  // The rounding constant is a multiple of 2^16: `low` never reaches the result.
  return Math.floor((high + 2 ** (shift - 17)) / 2 ** (shift - 16));
}

/** Rounds to the nearest integer, halves up. What quantizing a real number uses, so that it agrees with requantizing. */
export function roundHalfUp(value: number): number {
  return Math.floor(value + 0.5);
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
