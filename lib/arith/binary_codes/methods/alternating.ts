import { type BinaryCodes, type CodeMethod, withoutNegatives } from "../codes.ts";
import { fitCoefficients } from "../fit_coefficients.ts";
import { GREEDY } from "./greedy.ts";
import { nearestCodes } from "../nearest_codes.ts";

/** Rounds of the paper ("T = 2"). */
const ROUNDS = 2;

/**
 * From greedy codes in turn the coefficients by least squares and the codes by nearest value (arXiv 1802.00150,
 * algorithm 2), and the coefficients once more, so that they fit the codes that are returned. No step raises the error.
 */
export const ALTERNATING: CodeMethod = {
  name: "alternating",
  summary: `${ROUNDS} rounds of coefficients by least squares and codes by nearest value, from greedy`,
  bits: [1, 2, 3, 4],
  encode: (values, bits) => alternate(values, GREEDY.encode(values, bits), ROUNDS),
};

/** At most `rounds` of alternating minimization from given codes; fewer when the codes stand still. */
export function alternate(reals: ArrayLike<number>, start: BinaryCodes, rounds: number): BinaryCodes {
  const values = Float64Array.from(reals); // loops over one kind of array are several times as fast
  const bits = start.coefficients.length;
  let codes = start.codes;
  for (let round = 0; round < rounds; round++) {
    const nearest = nearestCodes(values, fitCoefficients(values, codes, bits));
    if (areEqual(nearest, codes)) break;
    codes = nearest;
  }
  return withoutNegatives({ coefficients: fitCoefficients(values, codes, bits), codes });
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
