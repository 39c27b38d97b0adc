import { codeValues } from "./codes.ts";

/**
 * Int8 weights [rows, columns] as binary codes. Columns fall into groups of `groupColumns`, the last of which may be
 * narrower; with g the group of column i,
 *
 *     w[o, i] = sum over k of multipliers[o, g, k] * b[o, k, i],   b = +1 where the bit is set, otherwise -1
 *
 * where sum over k of |multipliers[o, g, k]| <= 127. Rows and columns are those of the weights.
 */
export interface WeightCodes {
  /** Binary vectors of a row, 1 to 4. */
  readonly bits: number;
  /** At least 1; as many as there are columns, or more: one group a row. */
  readonly groupColumns: number;
  /** [rows, bits, ceil(columns / 8)]: column i is bit i % 8 of byte i / 8, the least significant is bit 0; others 0. */
  readonly planes: Uint8Array;
  /** [rows, groups, bits], groups = ceil(columns / groupColumns) */
  readonly multipliers: Int8Array;
}

/** The largest magnitude of a weight. */
export const CODED_WEIGHT_MAX = 127;

/** Groups of columns in a row. */
export function codeGroups({ groupColumns }: Pick<WeightCodes, "groupColumns">, columns: number): number {
  return Math.ceil(columns / groupColumns);
}

/** Codes by element, [rows, columns], each 0 .. 2^bits - 1 with bit k that of binary vector k, as bit planes. */
export function packPlanes(codes: Uint8Array, rows: number, columns: number, bits: number): Uint8Array {
  const rowBytes = Math.ceil(columns / 8);
  const planes = new Uint8Array(rows * bits * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < bits; k++) {
      const start = (row * bits + k) * rowBytes;
      for (let i = 0; i < columns; i++) planes[start + (i >> 3)] |= (codes[row * columns + i] >> k & 1) << (i & 7);
    }
  }
  return planes;
}

/** The inverse of `packPlanes`. */
export function unpackPlanes(planes: Uint8Array, rows: number, columns: number, bits: number): Uint8Array {
  const rowBytes = Math.ceil(columns / 8);
  const codes = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < bits; k++) {
      const start = (row * bits + k) * rowBytes;
      for (let i = 0; i < columns; i++) codes[row * columns + i] |= (planes[start + (i >> 3)] >> (i & 7) & 1) << k;
    }
  }
  return codes;
}

/** The weights [rows, columns] that legal codes say. */
export function codedWeights(coded: WeightCodes, rows: number, columns: number): Int8Array {
  const { bits, groupColumns, planes, multipliers } = coded;
  const weights = new Int8Array(rows * columns);
  const codes = unpackPlanes(planes, rows, columns, bits);
  const groups = codeGroups(coded, columns);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const first = (row * groups + group) * bits;
      const levels = codeValues(multipliers.subarray(first, first + bits));
      const end = Math.min((group + 1) * groupColumns, columns);
      for (let i = group * groupColumns; i < end; i++) weights[row * columns + i] = levels[codes[row * columns + i]];
    }
  }
  return weights;
}

/** The same codes with their columns in another order: column i is what column from[i] was. Only of one group a row. */
export function reorderedCodes(coded: WeightCodes, rows: number, from: readonly number[]): WeightCodes {
  const { bits, groupColumns, planes } = coded;
  const columns = from.length;
  if (groupColumns < columns) {
    throw new RangeError(`codes in groups of ${groupColumns} of ${columns} columns: only whole rows can be reordered`);
  }
  const codes = unpackPlanes(planes, rows, columns, bits);
  const reordered = codes.map((_, i) => codes[i - i % columns + from[i % columns]]);
  return { ...coded, planes: packPlanes(reordered, rows, columns, bits) };
}

/** The codes of rows first .. end - 1 of `rows`. */
export function rowsOfCodes(coded: WeightCodes, rows: number, [first, end]: readonly [number, number]): WeightCodes {
  const part = <T extends Uint8Array | Int8Array>(array: T): T => {
    const pitch = array.length / rows;
    return array.subarray(first * pitch, end * pitch) as T;
  };
  return { ...coded, planes: part(coded.planes), multipliers: part(coded.multipliers) };
}

/** What makes codes no codes of weights [rows, columns]; undefined where they are legal. */
export function codesFault(coded: WeightCodes, rows: number, columns: number): string | undefined {
  const { bits, groupColumns, planes, multipliers } = coded;
  const rowBytes = Math.ceil(columns / 8);
  const groups = codeGroups(coded, columns);
  if (planes.length !== rows * bits * rowBytes || multipliers.length !== rows * groups * bits) {
    return `codes of ${planes.length} bytes and ${multipliers.length} multipliers, expected ` +
      `${rows * bits * rowBytes} and ${
        rows * groups * bits
      } for ${rows}x${columns} weights of ${bits} bits in groups of ` +
      `${groupColumns}`;
  }
  for (let end = rowBytes; columns % 8 > 0 && end <= planes.length; end += rowBytes) {
    if (planes[end - 1] >> columns % 8 === 0) continue;
    return `codes of row ${Math.floor((end / rowBytes - 1) / bits)} have a bit behind their ${columns} columns`;
  }
  for (let first = 0; first < multipliers.length; first += bits) {
    const sum = multipliers.subarray(first, first + bits).reduce((total, m) => total + Math.abs(m), 0);
    if (sum <= CODED_WEIGHT_MAX) continue;
    return `multipliers of row ${
      Math.floor(first / bits / groups)
    } add up to ${sum}, expected at most ${CODED_WEIGHT_MAX}`;
  }
  return undefined;
}
