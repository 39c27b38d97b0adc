import type { CodedMatrix } from "./coded_matrix.ts";
import { codeValues } from "./codes.ts";
import { CODED_WEIGHT_MAX, codedWeights, packPlanes, type WeightCodes } from "./weight_codes.ts";

/** Int8 weights that binary codes stand for: row o for scales[o] * values[o]. */
export interface IntegerCodes {
  readonly codes: WeightCodes;
  /** [rows, columns], what `codes` say. */
  readonly values: Int8Array;
  /** One for each row; 1 for a row of zeros. */
  readonly scales: Float64Array;
}

/** Sums of multipliers are tried from the largest down to this. */
const LEAST_SUM = 64;
/** A smaller sum is taken only for more than this part of the squared weights: less is what float64 rounds. */
const NEGLIGIBLE = 1e-12;

/** Coefficients of the groups of a row, and how many elements of each group have each code. */
interface CodedRow {
  readonly groups: readonly { readonly coefficients: Float64Array; readonly counts: Float64Array }[];
  /** The largest sum of coefficients of a group. */
  readonly largest: number;
}

/**
 * Codes whose coefficients are small integers times one scale for each row. Rounding moves levels; of all sums 64 .. 127 that
 * the multipliers of the row's largest group can be given, the one is taken for which the row, with the scale of least
 * squares, is nearest to what its real coefficients stand for.
 */
export function integerCodes(matrix: CodedMatrix): IntegerCodes {
  const { rows, columns, groupColumns, bits, coefficients, codes } = matrix;
  const groups = Math.ceil(columns / groupColumns);
  const multipliers = new Int8Array(coefficients.length);
  const scales = new Float64Array(rows).fill(1);
  for (let row = 0; row < rows; row++) {
    const ofRow = codedRow(matrix, row, groups);
    if (ofRow.largest === 0) continue;
    const found = nearestMultipliers(ofRow);
    scales[row] = found.scale;
    found.multipliers.forEach((ofGroup, group) => multipliers.set(ofGroup, (row * groups + group) * bits));
  }
  const integer: WeightCodes = { bits, groupColumns, planes: packPlanes(codes, rows, columns, bits), multipliers };
  return { codes: integer, values: codedWeights(integer, rows, columns), scales };
}

function codedRow({ columns, groupColumns, bits, coefficients, codes }: CodedMatrix, row: number, groups: number) {
  const parts = Array.from({ length: groups }, (_, group) => {
    const counts = new Float64Array(2 ** bits);
    const end = Math.min((group + 1) * groupColumns, columns);
    for (let i = group * groupColumns; i < end; i++) counts[codes[row * columns + i]]++;
    const first = (row * groups + group) * bits;
    return { coefficients: coefficients.slice(first, first + bits), counts };
  });
  const largest = parts.reduce((most, part) => Math.max(most, sumOf(part.coefficients)), 0);
  return { groups: parts, largest };
}

function nearestMultipliers(row: CodedRow): { readonly scale: number; readonly multipliers: readonly Float64Array[] } {
  const reals = row.groups.map(({ coefficients }) => codeValues(coefficients));
  const negligible = NEGLIGIBLE * squaredRow(row, reals);
  let best = { error: Infinity, scale: 1, multipliers: [] as readonly Float64Array[] };
  for (let sum = CODED_WEIGHT_MAX; sum >= LEAST_SUM; sum--) {
    const multipliers = row.groups.map(({ coefficients }) =>
      coefficients.map((c) => Math.round(c / row.largest * sum))
    );
    if (multipliers.some((ofGroup) => sumOf(ofGroup) > CODED_WEIGHT_MAX)) continue;
    const { scale, error } = leastSquares(row, reals, multipliers.map(codeValues));
    if (error < best.error - negligible) best = { error, scale, multipliers };
  }
  return best;
}

/** The scale for which integer levels are nearest to real ones, element by element, and the squared error that is left. */
function leastSquares(
  { groups, largest }: CodedRow,
  reals: readonly Float64Array[],
  levels: readonly Float64Array[],
): { readonly scale: number; readonly error: number } {
  let [product, square] = [0, 0];
  groups.forEach(({ counts }, g) =>
    counts.forEach((count, code) => {
      product += count * reals[g][code] * levels[g][code];
      square += count * levels[g][code] ** 2;
    })
  );
  const scale = product > 0 ? product / square : largest / CODED_WEIGHT_MAX;
  let error = 0;
  groups.forEach(({ counts }, g) =>
    counts.forEach((count, code) => error += count * (reals[g][code] - scale * levels[g][code]) ** 2)
  );
  return { scale, error };
}

function squaredRow({ groups }: CodedRow, reals: readonly Float64Array[]): number {
  let sum = 0;
  groups.forEach(({ counts }, g) => counts.forEach((count, code) => sum += count * reals[g][code] ** 2));
  return sum;
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
